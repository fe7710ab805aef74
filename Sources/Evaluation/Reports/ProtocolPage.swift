import Foundation

/// The few-shot protocol as a page.
public struct ProtocolPage {
    private var page: HTMLPage

    public init(_ summary: ProtocolSummary, title: String, note: String) {
        page = HTMLPage(title: title)
        page.paragraph(note)
        Self.add(summary, to: &page)
    }

    public func write(to path: String) throws { try page.write(to: path) }

    /// The plot of accuracy by shots and the tables below it.
    static func add(_ summary: ProtocolSummary, to page: inout HTMLPage) {
        let own = FewShotProtocol.model
        let names = summary.means.keys.sorted {
            (summary.means[$0]?.accuracy ?? 0, $1) > (summary.means[$1]?.accuracy ?? 0, $0)
        }
        func points(_ name: String) -> [(Double, ProtocolSummary.Cell)] {
            summary.shots.enumerated().compactMap { index, shots in
                summary.methods[name]?[shots].map { (Double(index), $0) }
            }
        }
        if summary.shots.count > 1 {
            let all = names.flatMap { points($0).map { 100 * $0.1.accuracy } }
            let x = Plot.Axis(
                label: "rows a class", low: -0.2, high: Double(summary.shots.count) - 0.9, names: summary.shots)
            var plot = Plot(
                title: "Accuracy by shots of every method", x: x, y: .around(all, "accuracy, %"), room: 130)
            var labels: [(text: String, y: Double, isOwn: Bool)] = []
            for name in names.reversed() {
                let line = points(name).map { ($0.0, 100 * $0.1.accuracy) }
                plot.line(line, isOwn: name == own)
                for (index, cell) in points(name) {
                    if let deviation = cell.deviation, name == own {
                        let middle = 100 * cell.accuracy
                        plot.whisker(index, middle - 100 * deviation, middle + 100 * deviation, isOwn: true)
                    }
                    plot.dot(
                        index, 100 * cell.accuracy, isOwn: name == own, radius: name == own ? 4 : 2.4,
                        title: "\(name): \(one(cell.accuracy)) %")
                }
                if let last = line.last { labels.append((name, last.1, name == own)) }
            }
            plot.endLabels(labels)
            page.heading("Accuracy by shots")
            page.figure(plot.svg, caption: "Means over draws; whiskers: one deviation of ours over the draws.")
        }
        page.heading("Accuracy, %")
        page.table(
            ["method"] + summary.shots + ["mean", "macro-F1", "ECE", "training s", "us a row"],
            names.compactMap { name in
                guard let mean = summary.means[name] else { return nil }
                return [name]
                    + summary.shots.map { shots in summary.methods[name]?[shots].map { one($0.accuracy) } ?? "-" }
                    + [
                        one(mean.accuracy), one(mean.macroF1), one(mean.ece), String(format: "%.1f", mean.seconds),
                        String(format: "%.1f", mean.microsecondsPerRow),
                    ]
            }, strong: names.firstIndex(of: own))
        page.paragraph("A dash: not run. Means are over what was run, so compare those of complete lines alone.")
        page.heading("Model minus rival, points")
        let rivals = summary.rivals.sorted { $0.value.difference < $1.value.difference }
        if !rivals.isEmpty {
            let bounds: [Double] = [0] + rivals.map { 100 * $0.value.low } + rivals.map { 100 * $0.value.high }
            var plot = Plot(
                title: "Difference to each rival with its 95 % interval",
                x: .around(bounds, "points of accuracy, 95 % interval"),
                y: .places(rivals.count), room: 130)
            plot.line([(0, -0.6), (0, Double(rivals.count) - 0.4)], dashes: true)
            for (index, (name, rival)) in rivals.reversed().enumerated() {
                let y = Double(index)
                plot.line([(100 * rival.low, y), (100 * rival.high, y)], isOwn: rival.low > 0)
                plot.dot(100 * rival.difference, y, isOwn: rival.low > 0, title: name)
                plot.words(name, 100 * rival.high, y)
            }
            page.figure(
                plot.svg,
                caption: "By bootstrap over rows and draws, paired. Blue: the interval lies above 0.")
        }
        page.table(
            ["rival"] + summary.shots + ["pooled", "95 % interval", "better", "worse", "runs"],
            rivals.map { name, rival in
                [name] + summary.shots.map { rival.byShots[$0].map { signed($0.difference) } ?? "-" }
                    + [
                        signed(rival.difference), "\(signed(rival.low)) to \(signed(rival.high))",
                        String(rival.better), String(rival.worse), String(rival.runs),
                    ]
            })
        page.paragraph(
            "Better and worse: runs in which McNemar's test, corrected by Holm over the rivals, tells them apart.")
    }

    static func one(_ share: Double) -> String { String(format: "%.1f", 100 * share) }
    static func signed(_ share: Double) -> String { String(format: "%+.1f", 100 * share) }
}
