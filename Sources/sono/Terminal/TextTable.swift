import Failures

/// Columns of text, padded to the same width and aligned as asked.
struct TextTable {
    enum Alignment {
        case left
        case right
    }

    private let titles: [String]
    private let alignments: [Alignment]
    private var rows: [[String]] = []

    init(_ columns: [(title: String, alignment: Alignment)]) {
        titles = columns.map(\.title)
        alignments = columns.map(\.alignment)
    }

    mutating func add(_ cells: [String]) {
        rows.append(cells.map(ForeignText.line))
    }

    /// The lines, without spaces at their ends.
    var text: String {
        let all = [titles] + rows
        let widths = titles.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { cells in
            let padded = cells.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - cells[column].count)
                return alignments[column] == .left ? cells[column] + space : space + cells[column]
            }
            let line = padded.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    /// Rows without titles, as lines.
    static func lines(_ rows: [[String]]) -> [String] {
        guard let first = rows.first else { return [] }
        var table = TextTable(first.map { _ in ("", .left) })
        for row in rows { table.add(row) }
        return table.text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().map(String.init)
    }
}
