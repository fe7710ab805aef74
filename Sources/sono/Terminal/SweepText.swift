import Evaluation
import Foundation

/// A sweep, for a person.
struct SweepText {
    let report: SweepReport
    /// The models' files, in the order in which they were swept.
    let names: [String]

    var text: String {
        var table = TextTable([
            ("", .left), ("model", .left), ("H", .right), ("solver", .left), ("steps", .right), ("form", .left),
            ("evaluations", .right), ("Mflop/row", .right), ("CPU us/row", .right), ("p50", .right), ("p95", .right),
            ("memory", .right), ("accuracy", .right), ("macro-F1", .right), ("ECE", .right), ("gap", .right),
            ("from dopri5", .right),
            ("", .left),
        ])
        for point in report.points {
            let solves = point.order > 0
            table.add([
                point.isOnFront ? "*" : "", URL(filePath: names[point.model]).lastPathComponent,
                solves ? "\(point.hidden)" : "-", solves ? point.solver : "order 0", solves ? "\(point.steps)" : "-",
                solves ? point.form : "-", "\(point.evaluations)", Figures.fixed(Double(point.operations) / 1e6, 2),
                Figures.fixed(point.processorSecondsPerRow * 1e6, 2), "\(Figures.fixed(point.p50 * 1e3, 2)) ms",
                "\(Figures.fixed(point.p95 * 1e3, 2)) ms",
                point.peakMemory.map(Figures.bytes) ?? "-", Figures.percent(point.accuracy),
                Figures.percent(point.macroF1),
                Figures.percent(point.ece), Figures.percent(point.consistencyGap),
                point.largestError.map { String(format: "%.1e", $0) } ?? "-", point.isKnee ? "<-" : "",
            ])
        }
        let trained = names.indices.compactMap { number in
            report.points.first { $0.model == number }.map { point in
                point.order > 0
                    ? "\(URL(filePath: names[number]).lastPathComponent) was trained with \(point.trainedSolver), "
                        + "steps \(point.trainedSteps); \(Figures.grouped(point.parameters)) weights"
                    : "\(URL(filePath: names[number]).lastPathComponent): \(Figures.grouped(point.parameters)) weights"
            }
        }
        let taken = (report.trainings ?? []).map { training in
            let accuracy = training.validationAccuracy.map { ", validation accuracy \(Figures.percent($0))" } ?? ""
            let kept = training.isZeroShot ? "; the zero-shot start was kept" : ""
            return "H \(training.width): training took \(Figures.duration(training.seconds))\(accuracy)\(kept)"
        }
        return
            ([
                "\(report.date.prefix(10)), \(report.machine.processor); \(Figures.grouped(report.rows)) labelled rows, "
                    + "\(report.auditedRows) compared with dopri5 (largest distance); one thread, batches of 256; "
                    + "peak memory \(Figures.bytes(report.peakMemory))"
            ] + trained + taken + ["", table.text]).joined(separator: "\n")
    }
}
