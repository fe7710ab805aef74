/// All that a pilot found.
public struct PilotReport: Sendable, Codable {
    public let verdict: PilotVerdict
    public let measured: PilotMeasurements
    public let summary: ProtocolSummary
    public let machine: Machine
    public let criteria: PilotCriteria

    public init(
        verdict: PilotVerdict, measured: PilotMeasurements, summary: ProtocolSummary, machine: Machine,
        criteria: PilotCriteria
    ) {
        self.verdict = verdict
        self.measured = measured
        self.summary = summary
        self.machine = machine
        self.criteria = criteria
    }
}
