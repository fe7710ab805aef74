import TensorFiles

/// Content comes out the same however it is asked for, and never more of it than the limits allow.
enum ZstdPromise {
    static func check(_ bytes: [UInt8], _ file: MemoryFile) throws {
        try file.hold(bytes)
        let whole = Result { try content(file, piece: 64 << 10) }
        let pieces = Result { try content(file, piece: 61) }
        switch (whole, pieces) {
        case (.success(let whole), .success(let pieces)):
            try BrokenPromise.require(whole == pieces, "the content depends on the size of the reads")
            try BrokenPromise.require(whole.count <= FileLimits.fuzzing.decodedBytes, "\(whole.count) bytes came out")
        // Which of two faults is met first, damage or too much of it, may depend on the reads; that there is one may not.
        case (.failure, .failure): break
        default:
            throw BrokenPromise("in one piece \(whole), in many \(pieces)")
        }
        _ = try whole.get()
    }

    private static func content(_ file: MemoryFile, piece: Int) throws -> [UInt8] {
        let limits = FileLimits.fuzzing
        let stream = try DecodedStream(file: InputFile(path: file.path, limits: limits), limits: limits)
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: piece)
        while true {
            let count = try buffer.withUnsafeMutableBytes { try stream.read(into: $0) }
            content += buffer[..<count]
            if count < piece { break }
        }
        _ = try stream.finish(excess: .corruptZstd)
        return content
    }
}
