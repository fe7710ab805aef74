import Evaluation
import Refinement
import Training

/// An evaluation for a person: the headline figures, zero-shot beside them, the weakest classes, the commonest mistakes.
struct EvaluationText {
    let report: EvaluationReport
    let model: LoadedModel
    private static let kept = 10

    var text: String {
        let solved = report.order == 0 ? "order 0" : "order \(report.order), \(report.solver), steps \(report.steps)"
        let failed = report.rowsFailed == 0 ? "" : ", \(Figures.grouped(report.rowsFailed)) of them without an answer"
        return [
            "model \(model.id) (\(solved)) on \(Figures.grouped(report.rows)) rows\(failed)", "", headline, baselines,
            shifts,
            "weakest classes", weakest, "", "commonest mistakes", mistakes,
        ].joined(separator: "\n") + (report.diagnostics.map { "\n\n\(DiagnosticsText(diagnostics: $0).text)" } ?? "")
    }

    private var headline: String {
        var table = TextTable([("", .left), ("model", .right), ("zero-shot", .right)])
        let zeroShot = report.zeroShot
        func share(_ value: Double?) -> String { value.map(Figures.percent) ?? "-" }
        table.add(["accuracy", share(report.accuracy), share(zeroShot?.accuracy)])
        table.add(["macro-F1", share(report.macroF1), share(zeroShot?.macroF1)])
        table.add(["balanced accuracy", share(report.balancedAccuracy), share(zeroShot?.balancedAccuracy)])
        table.add(["ECE (\(report.eceBins) bins)", share(report.ece), "-"])
        table.add(["log loss (nats)", Figures.fixed(report.nll, 3), "-"])
        table.add(["rows per second", Figures.grouped(Int(report.rowsPerSecond)), "-"])
        return table.text
    }

    /// The model and the baselines, if any, a line each.
    private var baselines: String {
        guard let baselines = report.baselines else { return "" }
        var table = TextTable([
            ("", .left), ("accuracy", .right), ("macro-F1", .right), ("ECE", .right), ("log loss", .right),
            ("parameters", .right), ("training", .right), ("us a row", .right),
        ])
        table.add([
            "this model", Figures.percent(report.accuracy), Figures.percent(report.macroF1),
            Figures.percent(report.ece), Figures.fixed(report.nll, 3),
            Figures.grouped(model.model.weightCount), "-",
            Figures.fixed(1e6 / report.rowsPerSecond, 1),
        ])
        for baseline in Baseline.allCases {
            guard let one = baselines[baseline.rawValue] else { continue }
            table.add([
                baseline.rawValue, Figures.percent(one.accuracy), Figures.percent(one.macroF1),
                Figures.percent(one.ece), Figures.fixed(one.nll, 3), Figures.grouped(one.parameters),
                Figures.duration(one.trainingSeconds), Figures.fixed(one.microsecondsPerRow, 1),
            ])
        }
        return "\nbaselines on the same rows\n\(table.text)\n"
    }

    /// Accuracy on the test set and, beside it, on the sets from elsewhere, with what is lost on the way.
    private var shifts: String {
        guard let shifts = report.shifts else { return "" }
        let titles = shifts.indices.map { ("shift \($0 + 1)", TextTable.Alignment.right) }
        var table = TextTable([("", .left), ("test", .right)] + titles + [("mean change", .right)])
        for line in report.shiftTable {
            let mean = line.shifted.reduce(0, +) / Double(max(1, line.shifted.count))
            table.add(
                [line.name] + ([line.test] + line.shifted).map(Figures.percent)
                    + [Figures.signedPoints(mean - line.test)])
        }
        let names = shifts.enumerated().map { index, shift in
            "shift \(index + 1): \(shift.name), \(Figures.grouped(shift.rows)) rows"
        }
        return "accuracy under shift\n\(table.text)\n" + names.joined(separator: "\n") + "\n"
    }

    private var weakest: String {
        let others = report.zeroShot == nil ? [] : [("zero-shot F1", TextTable.Alignment.right)]
        var table = TextTable(
            [("class", .left), ("F1", .right), ("precision", .right), ("recall", .right), ("rows", .right)] + others)
        for score in report.classes.filter({ $0.support > 0 }).sorted(by: { $0.f1 < $1.f1 }).prefix(Self.kept) {
            table.add(
                [
                    score.label, Figures.percent(score.f1), Figures.percent(score.precision),
                    Figures.percent(score.recall),
                    Figures.grouped(score.support),
                ] + (others.isEmpty ? [] : [score.zeroShotF1.map(Figures.percent) ?? "-"]))
        }
        return table.text
    }

    private var mistakes: String {
        let others = report.zeroShot == nil ? [] : [("zero-shot", TextTable.Alignment.right)]
        var table = TextTable([("class", .left), ("taken for", .left), ("rows", .right)] + others)
        for pair in report.confusions.prefix(Self.kept) {
            table.add(
                [pair.label, pair.predicted, Figures.grouped(pair.rows)]
                    + (others.isEmpty ? [] : [pair.zeroShotRows.map(Figures.grouped) ?? "-"]))
        }
        return table.text
    }
}
