import Failures

/// Reads a tensor file front to back: the checked header first, then the payload in the order of its bytes.
package final class TensorReader {
    package let header: TensorHeader
    private let stream: DecodedStream
    private var payloadRead = 0

    package struct Summary: Sendable {
        package let sha256: String
        package let fileBytes: Int
        package let decodedBytes: Int
        package let checksum: FrameChecksum?
    }

    package var file: InputFile { stream.file }
    package var isCompressed: Bool { stream.isCompressed }

    /// - Parameter name: what messages call the file, if not by its path.
    package convenience init(
        path: String, name: String? = nil, limits: FileLimits, progress: @escaping () throws -> Void = {}
    ) throws {
        try self.init(file: InputFile(path: path, name: name, limits: limits), limits: limits, progress: progress)
    }

    /// - Parameter progress: called with every buffer that is read, and may throw to end the reading.
    /// - Throws: `incomplete`, `corrupt_zstd`, `corrupt_safetensors`, `corrupt_npy`, `unsupported_format`, `too_large`.
    package init(file: InputFile, limits: FileLimits, progress: @escaping () throws -> Void = {}) throws {
        stream = try DecodedStream(file: file, limits: limits, progress: progress)
        header = try Self.readHeader(stream, limits)
        let total = header.headerBytes.addingReportingOverflow(header.payloadBytes)
        if total.overflow || total.partialValue > limits.decodedBytes {
            throw Failure(
                .tooLarge,
                "\(file.path) holds \(header.payloadBytes) bytes of tensors, the limit is \(limits.decodedBytes): "
                    + "split it or raise limits.batch_bytes.")
        }
        if stream.isCompressed {
            try stream.checkRatio(total.partialValue, file.size)
        } else {
            if file.size < total.partialValue { throw Self.incomplete(stream, total.partialValue) }
            if file.size > total.partialValue {
                throw Failure(
                    header.format.corrupt,
                    "\(file.path) has \(file.size - total.partialValue) bytes behind the last tensor: write it again.")
            }
        }
    }

    /// Fills the buffer with the next bytes of the payload.
    package func read(into target: UnsafeMutableRawBufferPointer) throws {
        let count = try stream.read(into: target)
        payloadRead += count
        if count < target.count {
            throw Self.incomplete(stream, header.headerBytes + header.payloadBytes)
        }
    }

    /// Reads over bytes of the payload, a scratch buffer at a time.
    package func skip(_ count: Int, using scratch: UnsafeMutableRawBufferPointer) throws {
        var left = count
        while left > 0 {
            let part = min(left, scratch.count)
            try read(into: UnsafeMutableRawBufferPointer(rebasing: scratch[..<part]))
            left -= part
        }
    }

    /// Requires that the payload was read and nothing follows it.
    package func finish() throws -> Summary {
        precondition(payloadRead == header.payloadBytes, "finish() before the whole payload was read")
        let sha256 = try stream.finish(excess: header.format.corrupt)
        return Summary(
            sha256: sha256, fileBytes: stream.file.size, decodedBytes: stream.decodedBytes, checksum: stream.checksum)
    }

    /// The hash of the file's bytes, whatever has been decoded of them.
    package func hashToEnd() throws -> String {
        try stream.hashToEnd()
    }

    // MARK: Header

    private static func readHeader(_ stream: DecodedStream, _ limits: FileLimits) throws -> TensorHeader {
        let path = stream.file.path
        // Eight bytes of length and the brace of a safetensors header, or the magic of an npy.
        var start = try bytes(9, stream)
        if start.starts(with: NpyHeader.magic) { return try readNpy(&start, stream, limits) }
        if start.count == 9, start[8] == UInt8(ascii: "{"), start[5...7].allSatisfy({ $0 == 0 }) {
            let length = start[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
            try checkHeaderLength(length, path, limits)
            let json = [start[8]] + (try bytes(length - 1, stream))
            if json.count < length { throw incomplete(stream, 8 + length) }
            return try SafetensorsHeader.parse(json, path: path, limits: limits)
        }
        start += try bytes(503, stream)
        if start.count < 9 { throw incomplete(stream, nil) }
        if !stream.isCompressed, start.allSatisfy({ $0 == 0 }) {
            throw Failure(
                .incomplete,
                "\(path) begins with zeros, as a file that is not written yet: wait for its producer, or send it again."
            )
        }
        throw ForeignFormat.failure(start, path: path)
    }

    private static func readNpy(
        _ start: inout [UInt8], _ stream: DecodedStream, _ limits: FileLimits
    ) throws -> TensorHeader {
        let path = stream.file.path
        if start.count < 8 { throw incomplete(stream, nil) }
        guard (1...3).contains(start[6]), start[7] == 0 else {
            throw Failure(
                .corruptNpy, "\(path) has npy version \(start[6]).\(start[7]): write it again with numpy.save.")
        }
        let lengthBytes = start[6] == 1 ? 2 : 4
        start += try bytes(8 + lengthBytes - start.count, stream)
        if start.count < 8 + lengthBytes { throw incomplete(stream, nil) }
        let length = start[8...].reversed().reduce(0) { $0 << 8 | Int($1) }
        try checkHeaderLength(length, path, limits)
        let literal = try bytes(length, stream)
        if literal.count < length { throw incomplete(stream, start.count + length) }
        return try NpyHeader.parse(literal, prefixBytes: start.count, path: path)
    }

    private static func checkHeaderLength(_ length: Int, _ path: String, _ limits: FileLimits) throws {
        if length > limits.headerBytes {
            throw Failure(
                .tooLarge,
                "\(path) declares a header of \(length) bytes, the limit is \(limits.headerBytes): "
                    + "move what is not metadata into tensors.")
        }
    }

    private static func bytes(_ count: Int, _ stream: DecodedStream) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, filled in
            filled = try stream.read(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    private static func incomplete(_ stream: DecodedStream, _ expected: Int?) -> Failure {
        let of = expected.map { " of \($0)" } ?? ""
        return Failure(
            .incomplete,
            "\(stream.file.path) ends after \(stream.decodedBytes)\(of) bytes: wait for its producer, or send it again."
        )
    }
}

extension TensorHeader.Format {
    package var corrupt: FailureCode { self == .npy ? .corruptNpy : .corruptSafetensors }
}
