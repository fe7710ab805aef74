import Evaluation

/// The few-shot protocol for a person: accuracy by shots, then the model's difference to each rival.
struct ProtocolText {
    let summary: ProtocolSummary
    let files: [ProtocolFile]

    var text: String {
        [
            "\(counted(summary.sets, "set")), \(counted(files.reduce(0) { $0 + $1.runs.count }, "run")), test rows "
                + files.map { Figures.grouped($0.header.testRows) }.joined(separator: ", "), "",
            "accuracy, % (mean and deviation over draws)",
            table { cell in
                Figures.fixed(100 * cell.accuracy, 1)
                    + (cell.deviation.map { " ± \(Figures.fixed(100 * $0, 1))" } ?? "")
            }, "", "model minus rival, points: 95 % interval by bootstrap over rows and draws; runs in which McNemar's",
            "test, corrected by Holm, finds the model better and worse", differences, "", "macro-F1, %",
            table { Figures.fixed(100 * $0.macroF1, 1) }, "", "ECE, %", table { Figures.fixed(100 * $0.ece, 1) },
        ].joined(separator: "\n")
    }

    private func counted(_ count: Int, _ noun: String) -> String {
        "\(Figures.grouped(count)) \(noun)\(count == 1 ? "" : "s")"
    }

    /// The model first, then the rivals, the best first.
    private var methods: [String] {
        summary.means.keys.sorted { left, right in
            if left == FewShotProtocol.model || right == FewShotProtocol.model { return left == FewShotProtocol.model }
            return (summary.means[left]?.accuracy ?? 0) > (summary.means[right]?.accuracy ?? 0)
        }
    }

    private func table(_ figure: (ProtocolSummary.Cell) -> String) -> String {
        var table = TextTable(
            [("", .left)] + summary.shots.map { ($0, .right) } + [("mean", .right), ("training", .right)])
        for name in methods {
            guard let mean = summary.means[name] else { continue }
            table.add(
                [name] + summary.shots.map { summary.methods[name]?[$0].map(figure) ?? "-" }
                    + [figure(mean), Figures.duration(mean.seconds)])
        }
        return table.text
    }

    private var differences: String {
        var table = TextTable(
            [("", .left)] + summary.shots.map { ($0, .right) }
                + [("pooled", .right), ("better", .right), ("worse", .right), ("runs", .right)])
        func words(_ difference: Double, _ low: Double, _ high: Double) -> String {
            "\(Figures.signedPoints(difference)) [\(Figures.signedPoints(low)), \(Figures.signedPoints(high))]"
        }
        for name in methods {
            guard let rival = summary.rivals[name] else { continue }
            table.add(
                [name]
                    + summary.shots.map { shots in
                        rival.byShots[shots].map { Figures.signedPoints($0.difference) } ?? "-"
                    }
                    + [
                        words(rival.difference, rival.low, rival.high), String(rival.better), String(rival.worse),
                        String(rival.runs),
                    ])
        }
        return table.text
    }
}
