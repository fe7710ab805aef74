/// Whether refinement pays, by criteria that were fixed before.
///
/// Gains are what it brings, the rest is what it asks for. A criterion is passed, good enough for stages, or failed.
/// Nothing failed and operation simple: adopt, however small the gain. Operation heavy: in stages where the gain is
/// large, else no. Anything failed: no.
public struct PilotVerdict: Sendable, Codable, Equatable {
    public enum Decision: String, Sendable, Codable {
        case adopt
        case adoptInStages = "adopt in stages"
        case doNotAdopt = "do not adopt"
    }

    public enum Grade: String, Sendable, Codable {
        case pass, stage, fail
    }

    public struct Judgement: Sendable, Codable, Equatable {
        public let criterion: String
        /// Whether it is about what refinement brings; otherwise about what it asks for.
        public let isGain: Bool
        public let value: Double
        public let adopt: Double
        public let stage: Double
        public let unit: String
        public let grade: Grade
        public let reason: String
    }

    public let decision: Decision
    public let reason: String
    public let judgements: [Judgement]
    /// Cores that the volume needs at the utilisation given.
    public let coresNeeded: Double
    public let needsMoreHardware: Bool
    /// The cheapest way to serve that loses at most 0.2 points of the accuracy of the model as it was trained.
    public let cheapest: String
    /// A month, in the currency of the prices.
    public let costPerMonth: Double
    public let costPerMonthWithoutEquation: Double
    /// Nil where there are none.
    public let costPerAdditionalCorrectDecision: Double?

    public init(_ criteria: PilotCriteria, _ measured: PilotMeasurements) {
        let million = 1e6 * measured.secondsPerRow / 3_600 * criteria.coreHour / criteria.utilisation
        var all: [Judgement] = []
        func gain(_ name: String, _ gain: PilotMeasurements.Gain, _ limits: PilotCriteria.Limits, usesF1: Bool = false)
        {
            let value = 100 * (usesF1 ? min(gain.accuracy, gain.macroF1) : gain.accuracy)
            // A gain that may be luck is no reason to adopt.
            let grade: Grade =
                value >= limits.adopt && gain.low > 0 ? .pass : value >= limits.stage && gain.high > 0 ? .stage : .fail
            let interval = "[\(Self.points(gain.low)), \(Self.points(gain.high))]"
            all.append(
                Judgement(
                    criterion: name, isGain: true, value: value, adopt: limits.adopt, stage: limits.stage,
                    unit: "points", grade: grade,
                    reason: "\(Self.points(gain.accuracy)) points over \(gain.rival), 95 % interval \(interval)"
                        + (usesF1 ? ", macro-F1 \(Self.points(gain.macroF1))" : "")))
        }
        func price(_ name: String, _ value: Double, _ limits: PilotCriteria.Limits, _ unit: String, _ reason: String) {
            let grade: Grade = value <= limits.adopt ? .pass : value <= limits.stage ? .stage : .fail
            all.append(
                Judgement(
                    criterion: name, isGain: false, value: value, adopt: limits.adopt, stage: limits.stage, unit: unit,
                    grade: grade, reason: reason))
        }
        gain("gain over the best baseline", measured.overBestBaseline, criteria.gainOverBestBaseline)
        gain("gain over a linear head", measured.overLinearHead, criteria.gainOverLinearHead, usesF1: true)
        gain("gain over no equation", measured.overNoEquation, criteria.gainOverNoEquation)
        price(
            "negative transfer", 100 * measured.negativeTransfer, criteria.negativeTransfer, "%",
            "of what zero-shot has right is wrong afterwards")
        price(
            "added calibration error", 100 * (measured.calibrationError - measured.baselineCalibrationError),
            criteria.addedCalibrationError, "points", "beyond the best baseline's")
        price(
            "solver inconsistency", 100 * measured.inconsistency, criteria.solverInconsistency, "points",
            "of accuracy change when solved in four times the steps")
        price(
            "batch of 256 rows", 1e3 * measured.batchSeconds, criteria.batchMilliseconds, "ms",
            "95th percentile, one core")
        price(
            "added memory", measured.addedMemory / 1_048_576, criteria.addedMemory, "MiB",
            "beyond a classifier alone")
        price(
            "price per million rows", million, criteria.pricePerMillionRows, "",
            "of core hours at the utilisation given")
        price(
            "maintenance", criteria.expectedMaintenanceHours, criteria.maintenanceHours, "h a month",
            "as the criteria expect")
        judgements = all

        let gains = all.filter(\.isGain)
        let operation = all.filter { !$0.isGain }
        let failed = all.filter { $0.grade == .fail }
        let isLarge = gains.allSatisfy { $0.grade == .pass }
        let isSimple = operation.allSatisfy { $0.grade == .pass }
        if measured.order == 0 {
            decision = .doNotAdopt
            reason = "training itself found that moving the embeddings does not pay: serve the classifier alone"
        } else if !failed.isEmpty {
            decision = .doNotAdopt
            reason = "failed: " + failed.map(\.criterion).joined(separator: ", ")
        } else if isSimple {
            decision = .adopt
            reason = isLarge ? "a clear gain and simple operation" : "a small gain, but operation is simple"
        } else if isLarge {
            decision = .adoptInStages
            reason =
                "a clear gain, but operation is heavy: "
                + operation.filter { $0.grade == .stage }.map(\.criterion).joined(separator: ", ")
        } else {
            decision = .doNotAdopt
            reason = "a small gain does not outweigh heavy operation"
        }

        func monthly(_ secondsPerRow: Double) -> Double {
            criteria.rowsPerMonth * secondsPerRow / 3_600 * criteria.coreHour / criteria.utilisation
        }
        let training = criteria.trainingsPerMonth * measured.trainingSeconds / 3_600 * criteria.coreHour
        costPerMonth =
            monthly(measured.secondsPerRow) + training + criteria.expectedMaintenanceHours * criteria.workHour
        // The alternative is kept running by somebody as well.
        costPerMonthWithoutEquation =
            monthly(measured.secondsPerRowWithoutEquation) + training
            + criteria.expectedMaintenanceHours * criteria.workHour
        let more = (measured.accuracy - measured.accuracyWithoutEquation) * criteria.rowsPerMonth
        costPerAdditionalCorrectDecision = more > 0 ? max(0, costPerMonth - costPerMonthWithoutEquation) / more : nil
        coresNeeded = criteria.rowsPerMonth * measured.secondsPerRow / (30 * 86_400) / criteria.utilisation
        needsMoreHardware = coresNeeded > criteria.cores
        let good = measured.ways.filter { $0.accuracy >= measured.accuracy - 0.002 }
        cheapest = good.min { $0.secondsPerRow < $1.secondsPerRow }?.name ?? "as trained"
    }

    private static func points(_ share: Double) -> String {
        let tenths = (1_000 * share).rounded()
        return (tenths < 0 ? "-" : "+") + "\(Int(tenths.magnitude) / 10).\(Int(tenths.magnitude) % 10)"
    }
}
