import Evaluation

/// What refining costs, for a person.
struct CostText {
    let report: CostReport

    init(report: CostReport) {
        self.report = report
    }

    var text: String {
        let machine = report.machine
        return [
            "\(report.date.prefix(10)), \(machine.processor), \(machine.cores) cores, load \(Figures.fixed(machine.load, 1)), "
                + "kernel \(report.kernel)",
            "D=\(report.dimension) H=\(report.hidden) C=\(report.classes), order \(report.order), \(report.activation), "
                + "\(report.solver), \(report.steps) steps, \(report.evaluations) evaluations, "
                + "initial velocity: \(report.velocity), threads: \(report.threads)",
            "multiply-add peak of a core: \(Figures.fixed(report.peak / 1e9, 1)) GFLOP/s; "
                + "peak memory of this process: \(Figures.bytes(report.peakMemory))",
            "", table,
        ].joined(separator: "\n")
    }

    private var table: String {
        var table = TextTable([
            ("form", .left), ("", .left), ("batch", .right), ("repeats", .right), ("Mflop/row", .right),
            ("CPU us/row", .right), ("GFLOP/s", .right), ("of peak", .right), ("rows/s", .right), ("p50", .right),
            ("p95", .right), ("p99", .right),
        ])
        for cost in report.costs {
            table.add([
                cost.form, cost.part == .position ? "x(T)" : "refine+classify", Figures.grouped(cost.rows),
                Figures.grouped(cost.repeats), Figures.fixed(cost.operations / 1e6, 2),
                Figures.fixed(cost.processorSecondsPerRow * 1e6, 2),
                Figures.fixed(cost.operationsPerSecond / 1e9, 1), Figures.percent(cost.shareOfPeak),
                Figures.grouped(Int(cost.rowsPerSecond)), time(cost.p50), time(cost.p95), time(cost.p99),
            ])
        }
        return table.text
    }

    /// Three digits or more, so that neighbours can be told apart.
    private func time(_ seconds: Double) -> String {
        seconds < 0.01 ? "\(Figures.fixed(seconds * 1e6, 0)) us" : "\(Figures.fixed(seconds * 1e3, 1)) ms"
    }
}
