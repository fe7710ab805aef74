import Dynamics
import EmbeddingSets
import Failures
import Foundation
import TensorFiles

/// Refines one embedding-set file into another, in bounded memory and all or nothing.
///
/// The output is an embedding set with the refined unit vectors as `embeddings` F32 `[n, D]`, the ids where the input
/// has any, and `predicted` I32 `[n]` (-1 for a row that is not ok), `score` F32 `[n]`, `status` U8 `[n]`
/// (`RowStatus`). Its metadata names the model's classes, and in `producer` what it was made from.
public struct RefinedSetFile {
    /// What happened, and how much of it.
    public struct Outcome: Sendable {
        public let rows: Int
        public let dimension: Int
        /// Rows of each status, by `RowStatus.name`.
        public let statuses: [String: Int]
        /// The output already held just this: nothing was written.
        public let wasComplete: Bool
        public let inputSHA256: String
        public let outputBytes: Int
        public let warnings: [String]
    }

    private let model: LoadedModel
    private let refiner: Refiner
    private let threads: Int?
    private let tool: String
    private static let chunkRows = 4_096

    /// - Parameters:
    ///   - solver: instead of the model's own; `steps` likewise.
    ///   - form: nil for the cheaper one.
    ///   - threads: nil for one to each core. The output does not depend on it.
    ///   - tool: name and version of the program, for the output's metadata.
    public init(
        model: LoadedModel, solver: Solver? = nil, steps: Int? = nil, form: RefinementForm? = nil, threads: Int? = nil,
        tool: String
    ) throws {
        self.model = model
        self.refiner = try Refiner(model: model.model, solver: solver, steps: steps, form: form)
        self.threads = threads
        self.tool = tool
    }

    /// Reads the input at least twice: once to hash and check it, once to refine it; before that once more for ids in
    /// UTF-8, whose bytes must be counted, and at the end a second time side by side for a supplied velocity.
    ///
    /// Does nothing if the output is whole and was made from the same bytes by the same model, solver, steps and form.
    ///
    /// - Parameter progress: called with the rows that are done and all rows.
    /// - Throws: `invalid_argument` if the output is the input, a model or no file; what `EmbeddingSetFile` throws,
    ///   `dimension_mismatch`, `encoder_mismatch`, `incomplete` if the input changes meanwhile, `io_error`, `no_space`.
    public func refine(
        _ input: String, into output: String, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> Outcome {
        guard !isSameFile(input, output) else {
            throw Failure(.invalidArgument, "\(output) is the input itself: name another file to write.")
        }
        guard !ModelFile.isModel(path: output) else {
            throw Failure(.invalidArgument, "\(output) is a model: name another file to write.")
        }
        try AtomicFile.checkTarget(output)
        let inspection = try EmbeddingSetFile.inspect(path: input, limits: .commandLine)
        let header = inspection.header
        let configuration = refiner.configuration
        let warning = try header.checkCompatible(dimension: configuration.dimension, encoder: configuration.encoder)
        let ignored = configuration.velocityWarning(isSupplied: header.hasVelocity)
        let warnings = model.warnings + refiner.warnings + header.warnings + [warning, ignored].compactMap(\.self)
        let producer = producer(input: inspection.sha256)

        if let present = try? EmbeddingSetFile.inspect(path: output, limits: .commandLine),
            present.header.producer == producer, present.header.rows == header.rows
        {
            return Outcome(
                rows: header.rows, dimension: header.dimension, statuses: Self.named(present.statuses ?? [:]),
                wasComplete: true, inputSHA256: inspection.sha256, outputBytes: present.fileBytes, warnings: warnings)
        }
        let (statuses, written) = try write(input, inspection, producer: producer, to: output, progress)
        return Outcome(
            rows: header.rows, dimension: header.dimension, statuses: statuses, wasComplete: false,
            inputSHA256: inspection.sha256, outputBytes: written.bytes, warnings: warnings)
    }

    /// Counts of rows under the names of their statuses.
    private static func named(_ counts: [UInt8: Int]) -> [String: Int] {
        let pairs = counts.compactMap { status, rows in RowStatus(rawValue: status).map { ($0.name, rows) } }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    private func isSameFile(_ first: String, _ second: String) -> Bool {
        var (one, other) = (stat(), stat())
        return stat(first, &one) == 0 && stat(second, &other) == 0
            && one.st_dev == other.st_dev && one.st_ino == other.st_ino
    }

    /// What the output is made from, as it is compared before doing it again.
    private func producer(input sha256: String) -> String {
        let configuration = refiner.configuration
        return "\(tool) refine; input \(sha256); model \(model.sha256); "
            + "solver \(configuration.solver.rawValue); steps \(configuration.steps); form \(refiner.form.rawValue)"
    }

    private func write(
        _ input: String, _ inspection: EmbeddingSetInspection, producer: String, to output: String,
        _ progress: (Int, Int) -> Void
    ) throws -> (statuses: [String: Int], file: WrittenFile) {
        let header = inspection.header
        let ids = try idTensors(input, header)
        let writer = try SafetensorsFileWriter(
            path: output,
            tensors: [
                .init("embeddings", .float32, shape: [header.rows, header.dimension]),
                .init("predicted", .int32, shape: [header.rows]),
                .init("score", .float32, shape: [header.rows]),
                .init("status", .uint8, shape: [header.rows]),
            ] + ids, metadata: try metadata(header, producer: producer))

        var counts: [UInt8: Int] = [:]
        var refined = [Float](repeating: 0, count: min(Self.chunkRows, header.rows) * header.dimension)
        let read = try EmbeddingSetFile.stream(path: input, limits: .commandLine, chunkRows: Self.chunkRows) { chunk in
            var columns = ResultColumns(topK: 1, capacity: chunk.rows)
            try refined.withUnsafeMutableBufferPointer { refined in
                let target = UnsafeMutableBufferPointer(rebasing: refined[..<(chunk.rows * chunk.dimension)])
                refiner.run(
                    embeddings: chunk.embeddings, velocity: chunk.velocity, rows: chunk.rows, threads: threads,
                    into: &columns, refined: target)
                try writer.append("embeddings", floats: UnsafeBufferPointer(target))
            }
            try writer.append("predicted", integers: columns.topClasses)
            try columns.topScores.withUnsafeBufferPointer { try writer.append("score", floats: $0) }
            let statuses = columns.statuses.map(\.rawValue)
            try writer.append("status", integers: statuses)
            for status in statuses { counts[status, default: 0] += 1 }
            progress(chunk.firstRow + chunk.rows, header.rows)
        }
        guard read.inspection.sha256 == inspection.sha256 else {
            throw Failure(.incomplete, "\(input) changed while it was read: try again when it is written.")
        }
        switch read.ids {
        case .ordinal: break
        case .integers(let values): try writer.append("ids", integers: values)
        case .utf8(let bytes, let offsets):
            try bytes.withUnsafeBytes { try writer.append("ids_utf8", bytes: $0) }
            try writer.append("ids_offsets", integers: offsets)
        }
        let file = try writer.finish()
        return (Self.named(counts), file)
    }

    /// The tensors that hold the ids. How many bytes UTF-8 ids take is known only after reading them once.
    private func idTensors(_ input: String, _ header: EmbeddingSetHeader) throws -> [SafetensorsFileWriter.Tensor] {
        switch header.idKind {
        case .ordinal: return []
        case .integers: return [.init("ids", .int64, shape: [header.rows])]
        case .utf8:
            let ids = try EmbeddingSetFile.stream(path: input, limits: .commandLine) { _ in }.ids
            guard case .utf8(let bytes, let offsets) = ids else { return [] }
            return [
                .init("ids_utf8", .uint8, shape: [bytes.count]), .init("ids_offsets", .int64, shape: [offsets.count]),
            ]
        }
    }

    private func metadata(_ header: EmbeddingSetHeader, producer: String) throws -> [String: String] {
        var metadata = ["schema": "embedding-set/1", "normalized": "true", "producer": producer]
        metadata["encoder"] = header.encoder ?? refiner.configuration.encoder
        metadata["classes"] = String(decoding: try JSONEncoder().encode(refiner.classes), as: UTF8.self)
        return metadata
    }
}
