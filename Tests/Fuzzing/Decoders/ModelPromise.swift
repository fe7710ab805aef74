import Failures
import Refinement

/// A model that loads can be used: rows get a status, and those that are ok get probabilities.
enum ModelPromise {
    static func check(_ bytes: [UInt8], _ file: MemoryFile) throws {
        try file.hold(bytes)
        let loaded = try ModelFile.load(path: file.path)
        for warning in loaded.warnings {
            try BrokenPromise.require(warning.utf8.count <= 2_048, "a warning of \(warning.utf8.count) bytes")
            try BrokenPromise.require(ForeignText.line(warning) == warning, "a warning of several lines")
        }
        let configuration = loaded.model.configuration
        let work = (configuration.dimension, configuration.hidden, configuration.steps, loaded.model.classes.count)
        // What any model computes is the refinement tests' business; small ones do for this.
        guard work.0 <= 64, work.1 <= 64, work.2 <= 16, work.3 <= 64 else { return }
        try refine(Refiner(model: loaded.model))
    }

    private static func refine(_ refiner: Refiner) throws {
        let d = refiner.configuration.dimension
        let (usual, broken) = ((0..<d).map { Float($0 % 7) - 2.5 }, [Float](repeating: .nan, count: d))
        var columns = refiner.makeColumns(topK: 3)
        (usual + broken).withUnsafeBufferPointer {
            refiner.run(embeddings: $0, rows: 2, threads: 1, into: &columns)
        }
        try BrokenPromise.require(columns.statuses[1] == .nonFinite, "a row of NaN is \(columns.statuses[1])")
        guard columns.statuses[0] == .ok else { return }
        for k in 0..<columns.topK {
            let (place, score) = (columns.topClasses[k], columns.topScores[k])
            try BrokenPromise.require(refiner.classes.indices.contains(Int(place)), "class \(place)")
            try BrokenPromise.require((0...1).contains(score), "a probability of \(score)")
        }
    }
}
