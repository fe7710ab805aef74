import Foundation

/// Embedding sets and models for the system tests, written byte by byte here: the product's writer is not its own judge.
enum Batches {
    /// The reference models and inputs that the refinement tests use.
    static let fixtures = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "RefinementTests/Fixtures")

    /// D = 24, five classes, order 2, rk4 with 3 steps.
    static let model = fixtures.appending(path: "09.model.safetensors")
    static let dimension = 24

    /// Deterministic rows: the same seed gives the same bytes, another seed other bytes.
    static func embeddings(rows: Int, dimension: Int = dimension, seed: UInt64) -> [Float] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<rows * dimension).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
        }
    }

    /// A safetensors file with `embeddings` [rows, dimension] F32 and `ids` I64 counting from `firstID`.
    static func safetensors(
        _ embeddings: [Float], dimension: Int = dimension, firstID: Int = 0, encoder: String = "reference"
    ) -> Data {
        let rows = embeddings.count / dimension
        let ids = (0..<rows).map { Int64(firstID + $0) }
        let header = """
            {"__metadata__":{"schema":"embedding-set/1","encoder":"\(encoder)"},\
            "embeddings":{"dtype":"F32","shape":[\(rows),\(dimension)],"data_offsets":[0,\(embeddings.count * 4)]},\
            "ids":{"dtype":"I64","shape":[\(rows)],"data_offsets":[\(embeddings.count * 4),\(embeddings.count * 4 + rows * 8)]}}
            """
        var data = Data()
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
        data.append(contentsOf: header.utf8)
        embeddings.withUnsafeBytes { data.append(contentsOf: $0) }
        ids.withUnsafeBytes { data.append(contentsOf: $0) }
        return data
    }

    static func batch(rows: Int, seed: UInt64) -> Data {
        safetensors(embeddings(rows: rows, seed: seed), firstID: Int(seed) * 1_000_000)
    }
}

extension Data {
    /// One zstd frame with stored (raw) blocks and no checksum: valid zstd that needs no compressor to write.
    var zstdFrame: Data {
        var frame = Data([0x28, 0xB5, 0x2F, 0xFD, 0xE0])
        Swift.withUnsafeBytes(of: UInt64(count).littleEndian) { frame.append(contentsOf: $0) }
        let limit = 128 << 10
        var start = startIndex
        repeat {
            let end = Swift.min(start + limit, endIndex)
            let blockHeader = UInt32(end - start) << 3 | (end == endIndex ? 1 : 0)
            Swift.withUnsafeBytes(of: blockHeader.littleEndian) { frame.append(contentsOf: $0.prefix(3)) }
            frame.append(self[start..<end])
            start = end
        } while start < endIndex
        return frame
    }
}
