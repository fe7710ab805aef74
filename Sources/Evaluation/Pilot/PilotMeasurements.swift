/// What a pilot measured; shares are 0 to 1.
public struct PilotMeasurements: Sendable, Codable, Equatable {
    /// Model minus a rival, with its 95 % interval.
    public struct Gain: Sendable, Codable, Equatable {
        public let rival: String
        public let accuracy: Double
        public let low: Double
        public let high: Double
        public let macroF1: Double

        public init(rival: String, accuracy: Double, low: Double, high: Double, macroF1: Double) {
            self.rival = rival
            self.accuracy = accuracy
            self.low = low
            self.high = high
            self.macroF1 = macroF1
        }
    }

    /// A way to serve.
    public struct Way: Sendable, Codable, Equatable {
        public let name: String
        public let accuracy: Double
        /// Processor seconds a row.
        public let secondsPerRow: Double

        public init(name: String, accuracy: Double, secondsPerRow: Double) {
            self.name = name
            self.accuracy = accuracy
            self.secondsPerRow = secondsPerRow
        }
    }

    public var accuracy: Double
    /// Accuracy of the same recipe without the equation.
    public var accuracyWithoutEquation: Double
    public var overBestBaseline: Gain
    public var overLinearHead: Gain
    public var overNoEquation: Gain
    /// Of the rows that zero-shot has right, those that the model has wrong.
    public var negativeTransfer: Double
    public var calibrationError: Double
    /// Of the best baseline.
    public var baselineCalibrationError: Double
    /// `|accuracy(n) - accuracy(4 n)|`
    public var inconsistency: Double
    /// 95th percentile of a batch of 256 rows, seconds.
    public var batchSeconds: Double
    /// Bytes beyond a classifier alone.
    public var addedMemory: Double
    /// Processor seconds a row, of the model and of a classifier alone.
    public var secondsPerRow: Double
    public var secondsPerRowWithoutEquation: Double
    /// Processor seconds of a training.
    public var trainingSeconds: Double
    /// Order of the model that training came to: 0 where it found that moving does not pay.
    public var order: Int
    /// The ways to serve that were measured.
    public var ways: [Way]

    public init(
        accuracy: Double, accuracyWithoutEquation: Double, overBestBaseline: Gain, overLinearHead: Gain,
        overNoEquation: Gain, negativeTransfer: Double, calibrationError: Double, baselineCalibrationError: Double,
        inconsistency: Double, batchSeconds: Double, addedMemory: Double, secondsPerRow: Double,
        secondsPerRowWithoutEquation: Double, trainingSeconds: Double, order: Int, ways: [Way]
    ) {
        self.accuracy = accuracy
        self.accuracyWithoutEquation = accuracyWithoutEquation
        self.overBestBaseline = overBestBaseline
        self.overLinearHead = overLinearHead
        self.overNoEquation = overNoEquation
        self.negativeTransfer = negativeTransfer
        self.calibrationError = calibrationError
        self.baselineCalibrationError = baselineCalibrationError
        self.inconsistency = inconsistency
        self.batchSeconds = batchSeconds
        self.addedMemory = addedMemory
        self.secondsPerRow = secondsPerRow
        self.secondsPerRowWithoutEquation = secondsPerRowWithoutEquation
        self.trainingSeconds = trainingSeconds
        self.order = order
        self.ways = ways
    }
}
