import EmbeddingSets
import TensorFiles

/// Both passes agree, and rows, ids and labels are the same however many rows come at once.
enum EmbeddingSetPromise {
    static func check(_ bytes: [UInt8], _ file: MemoryFile) throws {
        try file.hold(bytes)
        let first = Result { try EmbeddingSetFile.inspect(path: file.path, limits: .fuzzing) }
        let single = Result { try rows(file, chunkRows: 1) }
        let many = Result { try rows(file, chunkRows: 4_096) }
        let ends = [first.map { _ in }, single.map { _ in }, many.map { _ in }]
        // Which of two faults is met first may depend on the reads; that there is one may not.
        let refusals = ends.count { if case .failure = $0 { true } else { false } }
        try BrokenPromise.require(refusals == 0 || refusals == 3, "the passes disagree: \(ends)")
        let inspection = try first.get()
        let (one, all) = (try single.get(), try many.get())
        try BrokenPromise.require(one.bits == all.bits && one.velocity == all.velocity, "rows depend on the chunks")
        for read in [one.read, all.read] {
            let again = read.inspection
            let agrees = again.header == inspection.header && again.sha256 == inspection.sha256
            try BrokenPromise.require(agrees && again.statuses == inspection.statuses, "the passes disagree")
            let header = inspection.header
            try BrokenPromise.require(read.ids.count == header.rows, "\(read.ids.count) ids, \(header.rows) rows")
            try BrokenPromise.require(read.ids == all.read.ids, "ids depend on the chunks")
            for row in [0, header.rows / 2, header.rows - 1] { _ = read.ids.text(row) }
            try BrokenPromise.require(all.bits.count == header.rows * header.dimension, "rows are missing")
            let classes = header.classes?.count ?? 0
            let fits = read.labels.map { $0.count == header.rows && $0.allSatisfy { (-1..<classes).contains(Int($0)) } }
            try BrokenPromise.require(fits ?? !header.hasLabels, "labels that do not count into the classes")
            let lengths = header.warnings.map(\.utf8.count)
            try BrokenPromise.require((lengths.max() ?? 0) <= 2_048, "a warning of \(lengths.max() ?? 0) bytes")
        }
    }

    private struct Rows {
        /// Bits, since NaN is not equal to itself.
        var bits: [UInt32] = []
        var velocity: [UInt32] = []
        var read: EmbeddingSetRead
    }

    private static func rows(_ file: MemoryFile, chunkRows: Int) throws -> Rows {
        var (bits, velocity): ([UInt32], [UInt32]) = ([], [])
        let read = try EmbeddingSetFile.stream(
            path: file.path, limits: .fuzzing, chunkRows: chunkRows, labels: true
        ) { chunk in
            bits += chunk.embeddings.map(\.bitPattern)
            velocity += chunk.velocity?.map(\.bitPattern) ?? []
        }
        return Rows(bits: bits, velocity: velocity, read: read)
    }
}
