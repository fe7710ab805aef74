/// How often something took how long, in seconds.
package struct Histogram: Equatable, Sendable {
    /// From a small batch's commit to a long queue; each about four times the one before.
    package static let bounds = [0.001, 0.004, 0.016, 0.06, 0.25, 1, 4, 15, 60, 240, 900, 3_600]

    /// One for each bound, and one for what is longer; not cumulative.
    package private(set) var counts = [Int](repeating: 0, count: bounds.count + 1)
    package private(set) var sum = 0.0
    package var count: Int { counts.reduce(0, +) }

    package init() {}

    package mutating func observe(_ seconds: Double) {
        counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
        sum += seconds
    }
}
