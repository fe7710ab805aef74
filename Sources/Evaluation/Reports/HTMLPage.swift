import Failures
import TensorFiles

/// One self-contained page: nothing is loaded from anywhere, no script is run; light, dark, narrow and on paper.
public struct HTMLPage {
    private let title: String
    private var body = ""

    init(title: String) {
        self.title = title
    }

    mutating func heading(_ text: String) { body += "<h2>\(Self.escaped(text))</h2>\n" }
    mutating func paragraph(_ text: String) { body += "<p>\(Self.escaped(text))</p>\n" }
    mutating func verdict(_ word: String, _ reason: String) {
        body += "<p class=verdict><strong>\(Self.escaped(word))</strong><br>\(Self.escaped(reason))</p>\n"
    }

    /// A picture with words below it.
    mutating func figure(_ svg: String, caption: String) {
        body += "<figure>\(svg)<figcaption>\(Self.escaped(caption))</figcaption></figure>\n"
    }

    /// - Parameters:
    ///   - strong: index of a row to stress.
    ///   - leftColumns: how many columns are text.
    mutating func table(_ titles: [String], _ rows: [[String]], strong: Int? = nil, leftColumns: Int = 1) {
        func cells(_ values: [String], _ tag: String) -> String {
            values.enumerated().map { index, value in
                let kind = index < leftColumns ? "" : " class=n"
                let scope = tag == "th" ? " scope=col" : ""
                return "<\(tag)\(scope)\(kind)>\(Self.escaped(value))</\(tag)>"
            }.joined()
        }
        body += "<div class=scroll><table><thead><tr>\(cells(titles, "th"))</tr></thead><tbody>"
        for (index, row) in rows.enumerated() {
            body += "<tr\(index == strong ? " class=own" : "")>\(cells(row, "td"))</tr>"
        }
        body += "</tbody></table></div>\n"
    }

    /// - Throws: `io_error`, `no_space`.
    public func write(to path: String) throws { try AtomicFile.write(Array(text.utf8), to: path) }

    /// `458,409`, whatever the machine's language.
    static func grouped(_ count: Int) -> String {
        let digits = Array(String(count))
        return digits.indices.reduce(into: "") { text, index in
            if index > 0, (digits.count - index).isMultiple(of: 3), text != "-" { text.append(",") }
            text.append(digits[index])
        }
    }

    /// Names come from files of others: none of them may become markup or turn the text's direction.
    static func escaped(_ text: String) -> String {
        var result = ""
        for character in ForeignText.line(text) {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.append(character)
            }
        }
        return result
    }

    var text: String {
        """
        <!doctype html>
        <html lang=en><head><meta charset=utf-8><meta name=viewport content="width=device-width,initial-scale=1">
        <meta http-equiv=Content-Security-Policy content="default-src 'none'; style-src 'unsafe-inline'">
        <title>\(Self.escaped(title))</title><style>\(Self.style)</style></head><body><main>
        <h1>\(Self.escaped(title))</h1>
        \(body)</main></body></html>

        """
    }

    private static let style = """
        :root{color-scheme:light dark;--ink:#1b1f24;--soft:#5b6570;--line:#d5dae0;--paper:#fff;--own:#0b62d6;--other:#9aa4af;--lost:#c2500a}
        @media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a3acb6;--line:#3a424b;--paper:#15181c;--own:#6cb0ff;--other:#6b7682;--lost:#ff9d5c}}
        *{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
        main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem}h1{font-size:1.7rem;line-height:1.2;margin:.5rem 0 1rem}
        h2{font-size:1.15rem;margin:2.2rem 0 .5rem}p{max-width:44rem}.verdict{font-size:1.05rem;border-left:.3rem solid var(--own);padding:.3rem 0 .3rem .9rem}
        .verdict strong{font-size:1.5rem}figure{margin:1rem 0;overflow-x:auto}figcaption{color:var(--soft);font-size:.9rem;max-width:44rem}
        svg{display:block;width:100%;height:auto;min-width:32rem;max-width:52rem;font:12px system-ui,sans-serif}svg text{fill:var(--soft)}
        svg .own{stroke:var(--own)}svg text.own{fill:var(--own);stroke:none;font-weight:600}svg .dot{fill:var(--other);stroke:none}svg .dot.own{fill:var(--own);stroke:none}
        svg .rule{stroke:var(--line);fill:none}svg .path{fill:none;stroke:var(--other);stroke-width:1.2}svg .path.own{stroke:var(--own);stroke-width:2.4}
        svg .way polyline{fill:none;stroke-width:1.1;opacity:.6}svg .kept{stroke:var(--other);fill:var(--other)}svg .missed{stroke:var(--other);fill:var(--paper)}
        svg .gained{stroke:var(--own);fill:var(--own)}svg .lost{stroke:var(--lost);fill:var(--lost)}svg .cell{fill:var(--lost)}svg .cell.own{fill:var(--own);stroke:none}
        .scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;margin:.6rem 0}
        th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}th{color:var(--soft);font-weight:600}
        td:first-child{white-space:nowrap}.n{text-align:right;white-space:nowrap}tr.own td{font-weight:600;color:var(--own)}
        @media print{:root{--ink:#000;--paper:#fff;--soft:#444;--line:#bbb;--own:#0b4fb0;--other:#888}main{max-width:none;padding:0}svg{min-width:0}.scroll{overflow:visible}table{font-size:.75rem}th,td{padding:.15rem .35rem}figure,tr{break-inside:avoid}h2{break-after:avoid}}
        """
}
