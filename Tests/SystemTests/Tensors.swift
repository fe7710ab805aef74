import Foundation
import Testing

/// A bare safetensors file read by the test's own few lines.
struct Tensors {
    private let header: [String: Any]
    private let payload: Data

    init(path: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let length = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let object = try JSONSerialization.jsonObject(with: data.dropFirst(8).prefix(length))
        header = try #require(object as? [String: Any])
        payload = data.dropFirst(8 + length)
    }

    func shape(_ name: String) throws -> [Int] {
        try #require((header[name] as? [String: Any])?["shape"] as? [Int], "no tensor \(name)")
    }

    func floats(_ name: String) throws -> [Float] { try values(name, type: "F32") }
    func doubles(_ name: String) throws -> [Double] { try values(name, type: "F64") }
    func int32s(_ name: String) throws -> [Int32] { try values(name, type: "I32") }
    func int64s(_ name: String) throws -> [Int64] { try values(name, type: "I64") }
    func bytes(_ name: String) throws -> [UInt8] { try values(name, type: "U8") }

    private func values<T: BitwiseCopyable>(_ name: String, type: String) throws -> [T] {
        let entry = try #require(header[name] as? [String: Any], "no tensor \(name)")
        try #require(entry["dtype"] as? String == type)
        let offsets = try #require(entry["data_offsets"] as? [Int])
        let bytes = payload.dropFirst(offsets[0]).prefix(offsets[1] - offsets[0])
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / MemoryLayout<T>.stride).map {
                raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)
            }
        }
    }
}
