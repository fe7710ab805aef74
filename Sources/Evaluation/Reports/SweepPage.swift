import Foundation

/// A sweep as a page: of solvers, steps, forms and widths, or of settings.
public struct SweepPage {
    private var page: HTMLPage

    /// - Parameter names: what the models are called, in their order.
    public init(_ report: SweepReport, names: [String]) {
        page = HTMLPage(title: "Sweep: what solvers, steps and forms cost and give")
        let (points, several) = (report.points, names.count > 1)
        func name(_ point: SweepPoint) -> String {
            let way = point.order == 0 ? "order 0" : "\(point.solver) × \(point.steps), \(point.form)"
            return several ? "\(names[point.model]): \(way)" : way
        }
        page.paragraph(
            "\(report.rows) labelled rows, \(report.auditedRows) of them compared with dopri5 in double precision; "
                + "measured on \(report.machine.processor), \(report.date), load "
                + String(format: "%.1f.", report.machine.load))
        for (index, training) in (report.trainings ?? []).enumerated() {
            let accuracy =
                training.validationAccuracy.map { ", accuracy on the rows that chose \(Self.percent($0))" } ?? ""
            page.paragraph(
                "\(names[index]): training took \(String(format: "%.1f", training.seconds)) s\(accuracy)"
                    + (training.isZeroShot ? "; nothing beat the zero-shot start, which is what is swept." : "."))
        }
        if let knee = points.first(where: \.isKnee) {
            page.verdict(
                name(knee),
                String(format: "The cheapest within %g points of the most accurate: ", 100 * report.tolerance)
                    + "\(Self.percent(knee.accuracy)), "
                    + String(format: "%.1f us of processor time a row.", 1e6 * knee.processorSecondsPerRow))
        }
        page.heading("Accuracy against cost")
        add(
            points, name, "Accuracy against cost in operations", "operations a row",
            "Every way to serve by the operations of a row, which do not depend on the machine. Blue line: the front that no "
                + "other way beats in both; the knee is named.", front: points.filter(\.isOnFront)
        ) { Double($0.operations) }
        add(
            points, name, "Accuracy against time", "processor time a row, us", "The same by processor time.", front: []
        ) { 1e6 * $0.processorSecondsPerRow }
        page.heading("All ways")
        page.table(
            [
                "way", "front", "accuracy", "macro-F1", "ECE", "gap", "error", "evaluations", "operations", "us a row",
                "p50 ms", "p95 ms", "memory MiB", "parameters", "trained with",
            ],
            points.map { point in
                [
                    name(point), point.isKnee ? "knee" : point.isOnFront ? "front" : "", Self.percent(point.accuracy),
                    Self.percent(point.macroF1), Self.percent(point.ece), Self.percent(point.consistencyGap),
                    point.largestError.map { String(format: "%.1e", $0) } ?? "-", String(point.evaluations),
                    HTMLPage.grouped(point.operations), String(format: "%.1f", 1e6 * point.processorSecondsPerRow),
                    String(format: "%.2f", 1e3 * point.p50), String(format: "%.2f", 1e3 * point.p95),
                    point.peakMemory.map { String(format: "%.0f", Double($0) / 1_048_576) } ?? "-",
                    HTMLPage.grouped(point.parameters),
                    point.order == 0 ? "-" : "\(point.trainedSolver) × \(point.trainedSteps)",
                ]
            }, strong: points.firstIndex(where: \.isKnee), leftColumns: 2)
        page.paragraph(
            "Gap: how far accuracy moves with four times the steps; much of it says that the steps are no solution of the "
                + "equation, but a net of their own. Error: the largest distance from dopri5. p50 and p95: a batch of 256 rows. "
                + "Memory: the most that the process had resident while both forms were measured."
        )
    }

    /// The settings of the equation, one changed at a time.
    public init(_ report: Sensitivity.Report) {
        page = HTMLPage(title: "Sensitivity: one setting changed at a time")
        page.paragraph(
            "Trained on \(report.supportRows) rows by gradients, without any search; judged on \(report.rows).")
        let trials = report.trials
        func name(_ trial: Sensitivity.Trial) -> String {
            trial.setting.map { "\($0) \(trial.value)" } ?? "the recipe"
        }
        if let recipe = trials.first, trials.count > 1 {
            var plot = Plot(
                title: "Accuracy with each change",
                x: .around(trials.map { 100 * $0.accuracy }, "accuracy, %"),
                y: .places(trials.count), room: 150)
            plot.line(
                [(100 * recipe.accuracy, -0.6), (100 * recipe.accuracy, Double(trials.count) - 0.4)], dashes: true)
            for (index, trial) in trials.reversed().enumerated() {
                let (x, y) = (100 * trial.accuracy, Double(index))
                plot.line([(100 * recipe.accuracy, y), (x, y)], isOwn: trial.setting == nil)
                plot.dot(x, y, isOwn: trial.setting == nil, radius: 4, title: name(trial))
                plot.words(name(trial), max(x, 100 * recipe.accuracy), y, isOwn: trial.setting == nil)
            }
            page.figure(
                plot.svg, caption: "Dashed: the recipe as it is. Each line is one change and how far accuracy moves.")
        }
        page.table(
            ["", "accuracy", "macro-F1", "gap", "on validation", "solver", "steps", "training s", "kept"],
            trials.map { trial in
                [
                    name(trial), Self.percent(trial.accuracy), Self.percent(trial.macroF1),
                    Self.percent(trial.consistencyGap), trial.validationAccuracy.map(Self.percent) ?? "-", trial.solver,
                    String(trial.steps), String(format: "%.1f", trial.seconds),
                    trial.isZeroShot ? "zero-shot start" : "trained",
                ]
            }, strong: 0)
    }

    public func write(to path: String) throws { try page.write(to: path) }

    private mutating func add(
        _ points: [SweepPoint], _ name: (SweepPoint) -> String, _ title: String, _ label: String, _ caption: String,
        front: [SweepPoint], _ cost: (SweepPoint) -> Double
    ) {
        var plot = Plot(
            title: title, x: .around(points.map(cost), label, isLogarithmic: true),
            y: .around(points.map { 100 * $0.accuracy }, "accuracy, %"))
        plot.line(front.map { (cost($0), 100 * $0.accuracy) }, isOwn: true)
        for point in points.filter({ !$0.isKnee }) + points.filter(\.isKnee) {
            plot.dot(
                cost(point), 100 * point.accuracy, isOwn: point.isKnee, radius: point.isKnee ? 5 : 3,
                title: "\(name(point)): \(Self.percent(point.accuracy))")
        }
        plot.labels(
            points.filter(\.isKnee).map { (name($0), cost($0), 100 * $0.accuracy, true) },
            clearOf: points.map { (cost($0), 100 * $0.accuracy) })
        page.figure(plot.svg, caption: caption)
    }

    private static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
}
