import Dynamics
import EmbeddingSets
import Refinement

extension Evaluator {
    /// Rows followed through the equation; each takes some tens of milliseconds.
    public static let followedRows = 100
    /// Steps that they are followed in: errors of their places are about 1e-8 at the horizons that models have.
    private static let resolution = 64

    /// What refinement does to the rows of a set.
    ///
    /// - Parameters:
    ///   - model: what the evaluator's refiner was made from.
    ///   - prompts: for transfer.
    /// - Throws: as `evaluate`.
    public func diagnose(
        _ set: EmbeddingSet, model: Model<Float>, prompts: EmbeddingSet? = nil, followedRows: Int = Self.followedRows
    ) throws -> Diagnostics {
        let configuration = refiner.configuration
        let (d, c) = (configuration.dimension, refiner.classes.count)
        try set.checkCompatible(dimension: d, encoder: configuration.encoder)
        let (labels, map) = try Self.labels(of: set, in: refiner.classes, name: "the test set")
        let (columns, refined) = refine(set)
        let kept = (0..<set.rows).filter { labels[$0] >= 0 && map(labels[$0]) >= 0 && columns.statuses[$0] == .ok }
        let keptLabels = kept.map { map(labels[$0]) }
        let start = kept.flatMap { row in Self.start(set.embeddings[row * d..<(row + 1) * d], mean: model.inputMean) }
        let end = kept.flatMap { refined[$0 * d..<($0 + 1) * d] }

        var ignored: [String] = []
        let zeroShot = try prompts.map { try zeroShotAnswers(set, prompts: $0, warnings: &ignored) }
        var (own, others) = (ConfusionMatrix(classes: c), ConfusionMatrix(classes: c))
        var transfer = AnswerTransfer()
        for row in 0..<set.rows where labels[row] >= 0 {
            let label = map(labels[row])
            let answer = columns.statuses[row] == .ok ? Int(columns.topClasses[row * columns.topK]) : -1
            own.add(label: label, predicted: answer)
            guard let zeroShot else { continue }
            others.add(label: label, predicted: zeroShot[row])
            transfer.add(
                zeroShotIsRight: label >= 0 && zeroShot[row] == label, modelIsRight: label >= 0 && answer == label)
        }
        return Diagnostics(
            rows: kept.count, rowsLeftOut: set.rows - kept.count,
            before: Separability(start, labels: keptLabels, classes: c, dimension: d),
            after: Separability(end, labels: keptLabels, classes: c, dimension: d),
            transfer: zeroShot == nil ? nil : transfer, worstDecile: own.worstDecile,
            worstDecileZeroShot: zeroShot == nil ? nil : others.worstDecile,
            path: try path(set, rows: kept, model, most: followedRows),
            trainingGap: TrainingGap(manifest: model.training))
    }

    func refine(_ set: EmbeddingSet) -> (columns: ResultColumns, refined: [Float]) {
        var columns = refiner.makeColumns(topK: 1, capacity: set.rows)
        var refined = [Float](repeating: 0, count: set.embeddings.count)
        refined.withUnsafeMutableBufferPointer { refined in
            Workload(set).withRows(set.rows) { embeddings, velocity in
                refiner.run(
                    embeddings: embeddings, velocity: velocity, rows: set.rows, threads: threads, into: &columns,
                    refined: refined)
            }
        }
        return (columns, refined)
    }

    /// `x0`, as the model makes it.
    static func start(_ row: ArraySlice<Float>, mean: [Float]?) -> [Float] {
        var x = row.map { Double($0) }
        if let mean { for i in x.indices { x[i] -= Double(mean[i]) } }
        let norm = x.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return x.map { Float($0 / norm) }
    }

    private func path(
        _ set: EmbeddingSet, rows: [Int], _ model: Model<Float>, most: Int
    ) throws -> PathDiagnostics? {
        let configuration = refiner.configuration
        let d = set.dimension
        let count = min(most, rows.count)
        guard configuration.order > 0, count > 0 else { return nil }
        let reference = try ReferenceRefiner(model: model)
        var followed = [Followed?](repeating: nil, count: count)
        followed.withUnsafeMutableBufferPointer { followed in
            DisjointRows(count, tile: 1, threads: threads).forEachTile(scratch: { () }) { tile, _ in
                for place in tile {
                    let row = rows[place * rows.count / count]
                    let span = row * d..<(row + 1) * d
                    let way = reference.trajectory(
                        Array(set.embeddings[span]), velocity: set.velocity.map { Array($0[span]) },
                        steps: Self.resolution)
                    followed[place] = way.map { Followed($0, spectralRadius: reference.spectralRadius(along: $0)) }
                }
            }
        }
        let ways = followed.compactMap(\.self)
        guard !ways.isEmpty else { return nil }
        let detours = ways.filter { $0.displacement > 0 }.map { $0.length / $0.displacement }
        let bound: Double? =
            if case .rungeKutta(let tableau) = configuration.solver.method { tableau.realStabilityBound } else { nil }
        return PathDiagnostics(
            rows: ways.count, rowsLeftOut: count - ways.count, resolution: Self.resolution,
            length: Spread(ways.map(\.length)), displacement: Spread(ways.map(\.displacement)),
            detour: detours.isEmpty ? nil : Spread(detours), energyAtStart: Spread(ways.map(\.energyAtStart)),
            energyAtEnd: Spread(ways.map(\.energyAtEnd)), greatestEnergy: Spread(ways.map(\.greatestEnergy)),
            reversals: Spread(ways.map { Double($0.reversals) }), rowsReversing: ways.count { $0.reversals > 0 },
            largestSlope: Spread(ways.map(\.largestSlope)), spectralRadius: Spread(ways.map(\.spectralRadius)),
            step: configuration.horizon / Double(configuration.steps), stabilityBound: bound)
    }
}

/// What is kept of a row's way.
private struct Followed {
    let length: Double
    let displacement: Double
    let energyAtStart: Double
    let energyAtEnd: Double
    let greatestEnergy: Double
    let reversals: Int
    let largestSlope: Double
    let spectralRadius: Double

    init(_ way: Trajectory, spectralRadius: Double) {
        let energies = way.energies
        length = way.length
        displacement = way.displacement
        energyAtStart = energies.first ?? 0
        energyAtEnd = energies.last ?? 0
        greatestEnergy = energies.max() ?? 0
        reversals = way.reversals
        largestSlope = way.largestSlope
        self.spectralRadius = spectralRadius
    }
}

extension ConfusionMatrix {
    /// The mean recall of the worst tenth of the classes that have rows, rounded up to whole classes; 0 where there are none.
    var worstDecile: Double {
        let recalls = scores.filter { $0.support > 0 }.map(\.recall).sorted()
        let worst = recalls.prefix((recalls.count + 9) / 10)
        return worst.isEmpty ? 0 : worst.reduce(0, +) / Double(worst.count)
    }
}
