import Foundation
import TensorFiles
import Testing

/// Six classes of the real data that travel with the product: enough to learn from, small enough to learn in a moment.
enum Sections {
    static let classes = 6

    /// Writes the first rows of each class of `support`, `validation`, `prompts` or `test` as a set of its own.
    ///
    /// - Returns: its path.
    static func write(_ name: String, perClass: Int = .max, to path: String) throws -> String {
        let folder = Sono.executable.deletingLastPathComponent().appending(
            path: "sono_sono.resources/debian-sections")
        let file = try TensorFile.read(path: folder.appending(path: "\(name).safetensors.zst").path)
        let labels = try file.integers("labels")
        let values = try file.floats("embeddings")
        let dimension = values.count / labels.count
        var counts = [Int](repeating: 0, count: classes)
        let rows = labels.indices.filter { row in
            let label = Int(labels[row])
            guard label < classes, counts[label] < perClass else { return false }
            counts[label] += 1
            return true
        }
        let names = try JSONDecoder().decode([String].self, from: Data((file.metadata["classes"] ?? "").utf8))
        var writer = SafetensorsWriter(metadata: [
            "schema": "embedding-set/1", "encoder": file.metadata["encoder"] ?? "",
            "classes": String(decoding: try JSONEncoder().encode(Array(names.prefix(classes))), as: UTF8.self),
        ])
        try writer.add("labels", shape: [rows.count], integers: rows.map { labels[$0] }, as: .int32)
        try writer.add(
            "embeddings", shape: [rows.count, dimension],
            floats: rows.flatMap { values[$0 * dimension..<($0 + 1) * dimension] }, as: .float16)
        try writer.write(to: path)
        return path
    }
}
