import Foundation

/// A pilot's verdict as a page.
public struct PilotPage {
    private var page: HTMLPage

    public init(_ report: PilotReport, title: String) {
        page = HTMLPage(title: "Pilot: does refinement pay on \(title)?")
        let (verdict, measured) = (report.verdict, report.measured)
        page.verdict(verdict.decision.rawValue, verdict.reason)
        page.heading("Criteria")
        page.table(
            ["criterion", "", "value", "adopt", "stage", "grade"],
            verdict.judgements.map { one in
                [
                    one.criterion, one.reason, Self.figure(one.value) + (one.unit.isEmpty ? "" : " \(one.unit)"),
                    (one.isGain ? "≥ " : "≤ ") + Self.figure(one.adopt),
                    (one.isGain ? "≥ " : "≤ ") + Self.figure(one.stage), one.grade.rawValue,
                ]
            }, leftColumns: 2)
        page.heading("Cost")
        page.table(
            ["", ""],
            [
                ["accuracy", "\(ProtocolPage.one(measured.accuracy)) %"],
                ["without the equation", "\(ProtocolPage.one(measured.accuracyWithoutEquation)) %"],
                ["processor time a row", String(format: "%.1f us", 1e6 * measured.secondsPerRow)],
                ["without the equation", String(format: "%.1f us", 1e6 * measured.secondsPerRowWithoutEquation)],
                ["cost a month", String(format: "%.2f", verdict.costPerMonth)],
                ["without the equation", String(format: "%.2f", verdict.costPerMonthWithoutEquation)],
                [
                    "cost of each more right decision",
                    verdict.costPerAdditionalCorrectDecision.map { String(format: "%.2g", $0) } ?? "there are none",
                ],
                [
                    "cores needed",
                    String(format: "%.3f of %g", verdict.coresNeeded, report.criteria.cores)
                        + (verdict.needsMoreHardware ? ": more hardware" : ""),
                ],
                ["cheapest way to serve", verdict.cheapest],
            ])
        let ways = measured.ways
        if ways.count > 1 {
            var plot = Plot(
                title: "Accuracy against cost of each way to serve",
                x: .around(ways.map { 1e6 * $0.secondsPerRow }, "processor time a row, us", isLogarithmic: true),
                y: .around(ways.map { 100 * $0.accuracy }, "accuracy, %"))
            func place(_ way: PilotMeasurements.Way) -> (Double, Double) {
                (1e6 * way.secondsPerRow, 100 * way.accuracy)
            }
            let cheapest = ways.filter { $0.name == verdict.cheapest }
            for way in ways.filter({ $0.name != verdict.cheapest }) + cheapest {
                plot.dot(
                    place(way).0, place(way).1, isOwn: way.name == verdict.cheapest, radius: 4,
                    title: "\(way.name): \(ProtocolPage.one(way.accuracy)) %")
            }
            plot.labels(cheapest.map { ($0.name, place($0).0, place($0).1, true) }, clearOf: ways.map(place))
            page.heading("Ways to serve")
            page.figure(plot.svg, caption: "Blue: the cheapest within 0.2 points of the model as trained.")
        }
        ProtocolPage.add(report.summary, to: &page)
        page.paragraph("Measured on \(report.machine.processor), load \(String(format: "%.1f", report.machine.load)).")
    }

    public func write(to path: String) throws { try page.write(to: path) }

    private static func figure(_ value: Double) -> String {
        value == 0
            ? "0" : String(format: value.magnitude >= 100 ? "%.0f" : value.magnitude < 0.1 ? "%.4f" : "%.2f", value)
    }
}
