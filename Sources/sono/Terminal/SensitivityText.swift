import Evaluation

/// A sensitivity, for a person.
struct SensitivityText {
    let report: Sensitivity.Report

    var text: String {
        var table = TextTable([
            ("changed", .left), ("to", .left), ("accuracy", .right), ("change", .right), ("macro-F1", .right),
            ("change", .right), ("gap to 4n", .right), ("validation", .right), ("training", .right), ("", .left),
        ])
        let recipe = report.trials.first
        func points(_ value: Double, less other: Double?) -> String {
            other.map { (value >= $0 ? "+" : "") + Figures.fixed((value - $0) * 100, 1) } ?? "-"
        }
        for trial in report.trials {
            let isChange = trial.setting != nil
            table.add([
                trial.setting ?? "nothing", trial.value, Figures.percent(trial.accuracy),
                isChange ? points(trial.accuracy, less: recipe?.accuracy) : "", Figures.percent(trial.macroF1),
                isChange ? points(trial.macroF1, less: recipe?.macroF1) : "", Figures.percent(trial.consistencyGap),
                trial.validationAccuracy.map(Figures.percent) ?? "-", Figures.duration(trial.seconds),
                trial.isZeroShot ? "the zero-shot start was kept" : "",
            ])
        }
        let trained = recipe.map { "\($0.solver), steps \($0.steps)" } ?? ""
        return [
            "\(report.date.prefix(10)), \(report.machine.processor); \(Figures.grouped(report.supportRows)) support rows, "
                + "judged on \(Figures.grouped(report.rows)); trained by gradients and served with \(trained), "
                + "one setting changed at a time", "", table.text,
        ].joined(separator: "\n")
    }
}
