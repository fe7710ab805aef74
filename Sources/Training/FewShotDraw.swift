import Failures
import Foundation
import Refinement

/// Which rows of a larger set to train on: K of each class, or what a class has.
public struct FewShotDraw: Sendable, Equatable {
    /// Rows of the set, ascending.
    public let rows: [Int]
    /// Rows to a class asked for; nil for all.
    public let shots: Int?
    public let seed: UInt64?

    /// All labelled rows.
    public init(all set: TrainingRows) throws {
        rows = set.labels.indices.filter { set.labels[$0] >= 0 }
        shots = nil
        seed = nil
        try checkNotEmpty()
    }

    /// Draws `shots` rows of each class without replacement; the same seed draws the same rows on any machine.
    ///
    /// Unlabelled rows are never drawn, and a class with fewer rows than `shots` gives what it has.
    ///
    /// - Throws: `invalid_argument` if `shots` is not positive, `no_labels` if no row has a label.
    public init(shots: Int, seed: UInt64, from set: TrainingRows) throws {
        guard shots > 0 else {
            throw Failure(.invalidArgument, "a draw of \(shots) rows a class is empty: give at least one shot.")
        }
        var generator = SplitMix64(seed: seed)
        var byClass: [Int32: [Int]] = [:]
        for (row, label) in set.labels.enumerated() where label >= 0 { byClass[label, default: []].append(row) }
        var drawn: [Int] = []
        for label in byClass.keys.sorted() {
            var candidates = byClass[label, default: []]
            generator.shuffle(&candidates)
            drawn += candidates.prefix(shots)
        }
        rows = drawn.sorted()
        self.shots = shots
        self.seed = seed
        try checkNotEmpty()
    }

    /// Reads a fixed draw from a draws file, `{shots: {seed: [rows]}}`, so that methods are compared on the same rows.
    ///
    /// - Throws: `not_found` if the file has no such draw; `invalid_argument` if it cannot be read as one.
    public init(shots: Int, seed: UInt64, fromFile path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.notFound, "there is no draws file at \(path): check the path.")
        }
        let draws: [String: [String: [Int]]]
        do {
            draws = try JSONDecoder().decode([String: [String: [Int]]].self, from: data)
        } catch {
            throw Failure(
                .invalidArgument, "\(path) is not a draws file: it should be JSON, {\"shots\": {\"seed\": [rows]}}.",
                cause: "\(error)")
        }
        guard let drawn = draws[String(shots)]?[String(seed)] else {
            throw Failure(
                .notFound,
                "\(path) has no draw of \(shots) shots with seed \(seed): it has shots "
                    + draws.keys.compactMap(Int.init).sorted().map(String.init).joined(separator: ", ") + ".")
        }
        rows = drawn.sorted()
        self.shots = shots
        self.seed = seed
    }

    /// As a file says, or drawn, or all rows.
    ///
    /// - Parameters:
    ///   - shots: nil for all labelled rows.
    ///   - fileShots: the number that the file has the draw under; nil for `shots`.
    public static func chosen(
        from set: TrainingRows, shots: Int?, fileShots: Int? = nil, seed: UInt64, file: String?
    ) throws -> FewShotDraw {
        guard let shots else { return try FewShotDraw(all: set) }
        guard let file else { return try FewShotDraw(shots: shots, seed: seed, from: set) }
        return try FewShotDraw(shots: fileShots ?? shots, seed: seed, fromFile: file)
    }

    private func checkNotEmpty() throws {
        guard !rows.isEmpty else {
            throw Failure(.noLabels, "the set has no labelled rows: label some (-1 means unlabelled).")
        }
    }
}
