import Accounting
import Failures
import TensorFiles

/// Step 5 of a batch's life: the refined unit vectors of a job, row by row, as an embedding set.
///
/// Nothing stands at its path before `finish`. Rows that are not ok are zeros; a vector's row is its `row` in
/// `v1_results`, where the item's id stands.
final class FeatureFile {
    private let writer: SafetensorsFileWriter
    private let path: String

    /// Nil where the pipeline asks for none.
    init?(for job: QueuedJob, pipeline: Pipeline) throws {
        guard let type = pipeline.configuration.features.elementType else { return nil }
        try AtomicFile.makeDirectory(pipeline.features)
        path = Self.path(job: job.id, in: pipeline.features)
        var metadata = [
            "schema": "embedding-set/1", "normalized": "true", "producer": "sono",
            "job_id": String(job.id), "pipeline": pipeline.name, "model_sha256": pipeline.model.sha256,
        ]
        metadata["encoder"] = pipeline.refiner.configuration.encoder
        writer = try SafetensorsFileWriter(
            path: path,
            tensors: [.init("embeddings", type, shape: [job.rows ?? 0, pipeline.refiner.configuration.dimension])],
            metadata: metadata)
    }

    static func path(job: JobID, in directory: String) -> String { "\(directory)/\(job).safetensors.zst" }

    func append(_ vectors: UnsafeBufferPointer<Float>) throws {
        try writer.append("embeddings", floats: vectors)
    }

    /// Makes the file durable and returns its path.
    func finish() throws -> String {
        try writer.finish()
        return path
    }
}
