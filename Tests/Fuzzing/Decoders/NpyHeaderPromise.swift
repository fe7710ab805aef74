import TensorFiles

/// An accepted header describes one matrix of float16 or float32 that fits its span.
enum NpyHeaderPromise {
    static func check(_ bytes: [UInt8]) throws {
        let header = try NpyHeader.parse(bytes, prefixBytes: 10, path: "header")
        let entry = header.entries[0]
        let isMatrix = entry.shape.count == 2 && [.float16, .float32].contains(entry.type)
        try BrokenPromise.require(isMatrix && header.entries.count == 1, "accepted: \(header)")
        let fits = entry.shape.reduce(entry.type.size, *) == header.payloadBytes
        try BrokenPromise.require(fits, "a shape that does not fit its span: \(entry)")
        try BrokenPromise.require(header.headerBytes == 10 + bytes.count, "the payload begins at \(header.headerBytes)")
    }
}
