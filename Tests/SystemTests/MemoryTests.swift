import Foundation
import TensorFiles
import TestSupport
import Testing

@Suite("memory")
struct MemoryTests {
    private static let (rows, dimension, hidden) = (100_000, 512, 64)

    @Test("the service never holds more than 150 MB, its model and 64 bytes a row: 100,000 rows of 512 float16")
    func peak() throws {
        let service = try Service(pipeline: "model: wide.safetensors\nsettle: 200ms\n")
        let model = service.root("models/wide.safetensors")
        try Self.writeModel(to: model)
        try service.start()
        try service.drop(Self.batch(), as: "large.npy")
        try service.waitUntilSettled(within: 600)
        #expect(try service.number("SELECT count(*) FROM v1_results WHERE status = 'ok'") == Self.rows)

        let peak = try service.peakBytes()
        let modelBytes = try #require(FileManager.default.attributesOfItem(atPath: model)[.size] as? Int)
        #expect(peak <= 150_000_000 + modelBytes + 64 * Self.rows, "\(peak) bytes")
        #expect(service.stop() == 0)
    }

    private static func writeModel(to path: String) throws {
        var writer = SafetensorsWriter(metadata: [
            "schema": "sono-model/1", "config": #"{"order": 2, "solver": "rk4", "steps": 1}"#,
            "classes": #"["a", "b", "c", "d", "e"]"#,
        ])
        let values = Batches.embeddings(rows: hidden, dimension: dimension, seed: 1).map { $0 / 16 }
        try writer.add("field.position.weight", shape: [hidden, dimension], floats: values)
        try writer.add("field.velocity.weight", shape: [hidden, dimension], floats: values)
        try writer.add("field.output.weight", shape: [dimension, hidden], floats: values)
        try writer.add("classifier.weight", shape: [5, dimension], floats: Array(values.prefix(5 * dimension)))
        try writer.write(to: path)
    }

    /// A .npy of random float16 between 0.25 and 4 and their negatives.
    private static func batch() -> Data {
        var header = "{'descr': '<f2', 'fortran_order': False, 'shape': (\(rows), \(dimension)), }"
        header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        var state: UInt64 = 1
        let halves = (0..<rows * dimension).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return 0x3400 &+ UInt16(truncatingIfNeeded: state >> 32) & 0x8FFF
        }
        var data = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0, 118, 0]) + Data(header.utf8)
        halves.withUnsafeBytes { data.append(contentsOf: $0) }
        return data
    }
}
