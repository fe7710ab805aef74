import Evaluation

/// A pilot's verdict for a person.
struct PilotText {
    let report: PilotReport

    var text: String {
        let (verdict, measured) = (report.verdict, report.measured)
        var criteria = TextTable([
            ("criterion", .left), ("value", .right), ("adopt", .right), ("stage", .right), ("", .left), ("", .left),
        ])
        for one in verdict.judgements {
            let sign = one.isGain ? ">= " : "<= "
            criteria.add([
                one.criterion, figure(one.value) + (one.unit.isEmpty ? "" : " \(one.unit)"), sign + figure(one.adopt),
                sign + figure(one.stage), one.grade.rawValue, one.reason,
            ])
        }
        return [
            "verdict: \(verdict.decision.rawValue)", verdict.reason, "", criteria.text, "",
            listing([
                (
                    "accuracy",
                    "\(Figures.percent(measured.accuracy)), without the equation "
                        + Figures.percent(measured.accuracyWithoutEquation)
                ),
                (
                    "a row",
                    "\(Figures.duration(measured.secondsPerRow)) of processor time, without the equation "
                        + Figures.duration(measured.secondsPerRowWithoutEquation)
                ),
                ("cheapest way", verdict.cheapest),
                (
                    "cores needed",
                    "\(Figures.fixed(verdict.coresNeeded, 3)) of \(figure(report.criteria.cores)): "
                        + (verdict.needsMoreHardware ? "more hardware is needed" : "no more hardware is needed")
                ),
                (
                    "cost a month",
                    "\(Figures.fixed(verdict.costPerMonth, 2)), without the equation "
                        + Figures.fixed(verdict.costPerMonthWithoutEquation, 2)
                ),
                (
                    "for each more right",
                    verdict.costPerAdditionalCorrectDecision.map { Figures.fixed($0, 8) }
                        ?? "there are none"
                ),
                ("measured on", "\(report.machine.processor), load \(Figures.fixed(report.machine.load, 1))"),
            ]),
        ].joined(separator: "\n")
    }

    private func figure(_ value: Double) -> String {
        value.magnitude >= 100 ? Figures.fixed(value, 0) : Figures.fixed(value, value.magnitude < 0.1 ? 4 : 2)
    }
}
