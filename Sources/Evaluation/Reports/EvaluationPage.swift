import Foundation

/// An evaluation as a page.
public struct EvaluationPage {
    private var page: HTMLPage
    private let report: EvaluationReport

    /// - Parameters:
    ///   - parameters: numbers that the model is kept in.
    ///   - projection: ways of some rows, where anything moves.
    public init(_ report: EvaluationReport, modelID: String, parameters: Int, projection: Projection?) {
        self.report = report
        page = HTMLPage(title: "Evaluation of model \(modelID)")
        let solved = report.order == 0 ? "" : ", \(report.solver), steps \(report.steps)"
        page.paragraph(
            "Order \(report.order)\(solved); \(HTMLPage.grouped(report.rows)) labelled rows, \(report.classes.count) classes"
                + (report.rowsFailed == 0 ? "." : "; \(report.rowsFailed) rows without an answer, counted as wrong."))
        addHeadline()
        addBaselines(parameters: parameters)
        addShifts()
        addReliability()
        if let projection { addWays(projection) }
        addDiagnostics()
        addConfusion()
        addClasses()
        for warning in report.warnings { page.paragraph("Note: \(warning)") }
    }

    public func write(to path: String) throws { try page.write(to: path) }

    private static func percent(_ share: Double?) -> String { share.map { String(format: "%.1f %%", 100 * $0) } ?? "-" }
    private static func fixed(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "-" }

    private mutating func addHeadline() {
        let other = report.zeroShot
        let percent = Self.percent
        var rows = [
            ["accuracy", percent(report.accuracy), percent(other?.accuracy)],
            ["macro-F1", percent(report.macroF1), percent(other?.macroF1)],
            ["balanced accuracy", percent(report.balancedAccuracy), percent(other?.balancedAccuracy)],
            ["ECE, \(report.eceBins) bins", percent(report.ece), "-"],
            ["log loss, nats", Self.fixed(report.nll), "-"],
        ]
        if other == nil { rows = rows.map { Array($0.prefix(2)) } }
        page.table(["", "model"] + (other == nil ? [] : ["zero-shot"]), rows)
    }

    private mutating func addBaselines(parameters: Int) {
        guard let baselines = report.baselines, !baselines.isEmpty else { return }
        typealias Line = (name: String, accuracy: Double, f1: Double, ece: Double, size: Int, cost: Double, isOwn: Bool)
        let own: Line = (
            "this model", report.accuracy, report.macroF1, report.ece, parameters, 1e6 / report.rowsPerSecond, true
        )
        let lines: [Line] =
            [own]
            + baselines.map {
                ($0, $1.accuracy, $1.macroF1, $1.ece, $1.parameters, $1.microsecondsPerRow, false)
            }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
        page.heading("Beside the baselines")
        func plot(_ title: String, _ label: String, _ caption: String, _ value: (Line) -> Double) {
            var plot = Plot(
                title: title, x: .around(lines.map(value), label, isLogarithmic: true),
                y: .around(lines.map { 100 * $0.accuracy }, "accuracy, %"))
            for line in lines {
                plot.dot(
                    value(line), 100 * line.accuracy, isOwn: line.isOwn, radius: 4,
                    title: "\(line.name): \(Self.percent(line.accuracy))")
            }
            plot.labels(lines.map { ($0.name, value($0), 100 * $0.accuracy, $0.isOwn) })
            page.figure(plot.svg, caption: caption)
        }
        plot(
            "Accuracy against parameters", "parameters",
            "Accuracy against the numbers that are kept to answer with."
        ) { max(1, Double($0.size)) }
        plot(
            "Accuracy against cost", "time a row, us",
            "Accuracy against the wall time of a row on this machine, all threads."
        ) { $0.cost }
        page.table(
            ["", "accuracy", "macro-F1", "ECE", "parameters", "us a row"],
            lines.map { line in
                [
                    line.name, Self.percent(line.accuracy), Self.percent(line.f1), Self.percent(line.ece),
                    HTMLPage.grouped(line.size), String(format: "%.1f", line.cost),
                ]
            }, strong: 0)
    }

    private mutating func addShifts() {
        guard let shifts = report.shifts else { return }
        page.heading("Under shift")
        page.table(
            ["", "test"] + shifts.indices.map { "shift \($0 + 1)" },
            report.shiftTable.map { line in [line.name] + ([line.test] + line.shifted).map(Self.percent) }, strong: 0)
        for (index, shift) in shifts.enumerated() {
            page.paragraph("Shift \(index + 1): \(shift.name), \(shift.rows) rows.")
        }
    }

    private mutating func addReliability() {
        var plot = Plot(
            title: "Reliability diagram", x: Plot.Axis(label: "confidence", low: 0, high: 1),
            y: Plot.Axis(label: "accuracy", low: 0, high: 1))
        plot.line([(0, 0), (1, 1)], dashes: true)
        plot.line(report.reliability.map { ($0.confidence, $0.accuracy) }, isOwn: true)
        for bin in report.reliability {
            let share = Double(bin.rows) / Double(max(1, report.rows))
            plot.dot(
                bin.confidence, bin.accuracy, isOwn: true, radius: 2.5 + 12 * share.squareRoot(),
                title: "\(bin.rows) rows claim \(Self.percent(bin.confidence)), \(Self.percent(bin.accuracy)) are right"
            )
        }
        page.heading("Reliability")
        page.figure(
            plot.svg,
            caption: "What the scores claim and what comes true; on the dashed line both agree. Areas: rows of the bin."
        )
    }

    private mutating func addWays(_ projection: Projection) {
        let points = projection.ways.flatMap(\.points)
        func axis(_ index: Int) -> Plot.Axis {
            .around(
                points.map { $0[index] },
                "component \(index + 1), \(Self.percent(projection.explained[index])) of the variance")
        }
        var plot = Plot(title: "Rows before and after refinement", x: axis(0), y: axis(1))
        func mark(_ way: Projection.Way) -> Plot.Mark {
            switch (way.zeroShotIsRight ?? way.modelIsRight, way.modelIsRight) {
            case (true, true): .kept
            case (false, true): .gained
            case (true, false): .lost
            case (false, false): .missed
            }
        }
        for way in projection.ways {
            plot.way(way.points.map { ($0[0], $0[1]) }, mark(way), title: way.label)
        }
        func count(_ kind: Plot.Mark) -> Int { projection.ways.count { mark($0) == kind } }
        let kinds =
            projection.ways.contains { $0.zeroShotIsRight != nil }
            ? "Blue triangle: right only after refinement and classification (\(count(.gained))); orange triangle, point "
                + "down: right only by zero-shot (\(count(.lost))); full circle: right by both (\(count(.kept))); "
                + "hollow: by neither (\(count(.missed)))."
            : "Full circle: right (\(count(.kept))); hollow: wrong (\(count(.missed)))."
        page.heading("Ways through the equation")
        page.figure(
            plot.svg,
            caption:
                "\(projection.ways.count) rows in the plane of the features' first two principal components: a line "
                + "from where the row starts, a mark where it arrives; solved finely, in \(projection.steps) steps of "
                + "rk4 in double precision, where the model takes \(report.steps) of \(report.solver). \(kinds)")
    }

    private mutating func addDiagnostics() {
        guard let diagnostics = report.diagnostics else { return }
        page.heading("What refinement does")
        if let before = diagnostics.before, let after = diagnostics.after {
            page.table(
                ["", "before", "after", "better is"],
                [
                    ["Fisher ratio", Self.fixed(before.fisherRatio), Self.fixed(after.fisherRatio), "more"],
                    ["silhouette, cosine", Self.fixed(before.silhouette), Self.fixed(after.silhouette), "more"],
                    [
                        "own over nearest other mean", Self.fixed(before.distanceRatio),
                        Self.fixed(after.distanceRatio),
                        "less",
                    ],
                ])
        }
        if let transfer = diagnostics.transfer {
            page.paragraph(
                "Of \(HTMLPage.grouped(transfer.zeroShotRight)) rows that zero-shot has right, \(HTMLPage.grouped(transfer.lost)) are lost "
                    + "(\(Self.percent(transfer.lostShare))); of \(HTMLPage.grouped(transfer.zeroShotWrong)) that it has wrong, "
                    + "\(HTMLPage.grouped(transfer.gained)) are gained (\(Self.percent(transfer.gainedShare))).")
        }
        let others = diagnostics.worstDecileZeroShot.map { ", zero-shot's \(Self.percent($0))" } ?? ""
        page.paragraph(
            "The worst tenth of the classes has a mean recall of \(Self.percent(diagnostics.worstDecile))\(others).")
        if let gap = diagnostics.trainingGap {
            page.paragraph(
                "Right on the rows it was trained on: \(Self.percent(gap.support)); on those that chose: "
                    + "\(Self.percent(gap.validation)).")
        }
        if let path = diagnostics.path {
            func line(_ name: String, _ spread: Spread?) -> [String] {
                [name, Self.fixed(spread?.median), Self.fixed(spread?.p95), Self.fixed(spread?.largest)]
            }
            page.table(
                ["", "median", "p95", "largest"],
                [
                    line("displacement", path.displacement), line("length", path.length),
                    line("length over displacement", path.detour), line("energy at the start", path.energyAtStart),
                    line("energy at the end", path.energyAtEnd), line("greatest energy", path.greatestEnergy),
                    ["reversals"]
                        + [path.reversals.median, path.reversals.p95, path.reversals.largest].map { String(Int($0)) },
                    line("largest |S|", path.largestSlope), line("spectral radius", path.spectralRadius),
                ])
            let lost = path.rowsLeftOut == 0 ? "" : " \(path.rowsLeftOut) more ran away."
            page.paragraph(
                "The ways of \(path.rows) rows, in \(path.resolution) steps of rk4 in double precision.\(lost) "
                    + "\(path.rowsReversing) of them turn round; step times spectral radius is at most "
                    + String(format: "%.2f", path.stiffness)
                    + (path.stabilityBound.map { String(format: ", the solver's bound %.2f.", $0) } ?? "."))
        }
    }

    private mutating func addConfusion() {
        guard report.matrix.classes > 1 else { return }
        let plot = ConfusionPlot(matrix: report.matrix, names: report.classes.map(\.label))
        page.heading("Confusion")
        page.figure(plot.svg, caption: plot.caption)
        let hasOther = report.zeroShot != nil
        page.table(
            ["class", "taken for", "rows"] + (hasOther ? ["zero-shot"] : []),
            report.confusions.map { pair in
                [pair.label, pair.predicted, String(pair.rows)]
                    + (hasOther ? [pair.zeroShotRows.map(String.init) ?? "-"] : [])
            }, leftColumns: 2)
    }

    private mutating func addClasses() {
        let hasOther = report.zeroShot != nil
        page.heading("Classes")
        page.table(
            ["class", "F1", "precision", "recall", "rows"] + (hasOther ? ["zero-shot F1"] : []),
            report.classes.sorted { ($0.f1, $0.label) < ($1.f1, $1.label) }.map { score in
                [
                    score.label, Self.percent(score.f1), Self.percent(score.precision), Self.percent(score.recall),
                    String(score.support),
                ] + (hasOther ? [Self.percent(score.zeroShotF1)] : [])
            })
    }
}
