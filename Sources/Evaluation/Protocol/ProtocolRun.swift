import Foundation

/// One method under one draw, judged on the test rows: a line of a protocol file.
public struct ProtocolRun: Sendable, Codable {
    /// `model`, or a baseline's name.
    public let method: String
    /// Rows a class; nil for the whole pool.
    public let shots: Int?
    /// Of the draw; or which split, where splits are drawn.
    public let seed: UInt64
    /// Support rows.
    public let support: Int
    public let accuracy: Double
    public let macroF1: Double
    /// 15 bins of equal width.
    public let ece: Double
    /// Nats.
    public let nll: Double
    /// Wall time of choosing and fitting.
    public let seconds: Double
    public let microsecondsPerRow: Double
    public let parameters: Int
    /// A bit for each labelled test row, right or wrong, lowest bit first; base64.
    private let right: Data
    private let rows: Int

    init(
        method: String, shots: Int?, seed: UInt64, support: Int, tally: PredictionTally, right: [Bool], seconds: Double,
        microsecondsPerRow: Double, parameters: Int
    ) {
        self.method = method
        self.shots = shots
        self.seed = seed
        self.support = support
        accuracy = tally.matrix.accuracy
        macroF1 = tally.matrix.macroF1
        ece = tally.bins.expectedError
        nll = min(tally.loss.mean, Double.greatestFiniteMagnitude)
        self.seconds = seconds
        self.microsecondsPerRow = microsecondsPerRow
        self.parameters = parameters
        var bits = Data(count: (right.count + 7) / 8)
        for (row, isRight) in right.enumerated() where isRight { bits[row / 8] |= 1 << UInt8(row % 8) }
        self.right = bits
        rows = right.count
    }

    /// Whether each labelled test row is answered rightly, `[rows]`.
    public var answers: [Bool] {
        let bits = [UInt8](right)
        return (0..<min(rows, 8 * bits.count)).map { bits[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
    }

    /// `16`, or `pool`.
    public var shotsName: String { shots.map(String.init) ?? "pool" }
}
