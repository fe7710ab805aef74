import Accounting
import Failures
import TensorFiles

/// Step 5 of a batch's life: the refined unit vectors of a job, row by row, as an embedding set.
///
/// Nothing stands at its path before `finish`. Rows that are not ok are zeros; a vector's row is its `row` in
/// `v1_results`, where the item's id stands.
package final class FeatureFile {
    /// What is to be written, and where.
    package struct Plan: Codable, Sendable {
        let path: String
        let type: ElementType
        let rows: Int
        let dimension: Int
        let metadata: [String: String]

        /// Nil where the pipeline asks for none.
        init?(for job: QueuedJob, pipeline: Pipeline) {
            guard let type = pipeline.configuration.features.elementType else { return nil }
            self.type = type
            path = FeatureFile.path(job: job.id, in: pipeline.features)
            (rows, dimension) = (job.rows ?? 0, pipeline.refiner.configuration.dimension)
            var metadata = [
                "schema": "embedding-set/1", "normalized": "true", "producer": "sono",
                "job_id": String(job.id), "pipeline": pipeline.name, "model_sha256": pipeline.model.sha256,
            ]
            metadata["encoder"] = pipeline.refiner.configuration.encoder
            self.metadata = metadata
        }
    }

    private let writer: SafetensorsFileWriter
    private let path: String

    init(_ plan: Plan) throws {
        path = plan.path
        try AtomicFile.makeDirectory(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]))
        writer = try SafetensorsFileWriter(
            path: path, tensors: [.init("embeddings", plan.type, shape: [plan.rows, plan.dimension])],
            metadata: plan.metadata)
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
