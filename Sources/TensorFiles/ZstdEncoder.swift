import CZstd
import Failures

/// Compresses a stream of known length into one frame with content size and checksum, a buffer at a time.
final class ZstdEncoder {
    /// Fast, and on embeddings within 1 % of higher levels.
    static let level: Int32 = 3

    private let context: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer
    private let sink: (UnsafeRawBufferPointer) throws -> Void

    init(contentSize: Int, sink: @escaping (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let context = ZSTD_createCCtx() else {
            throw Failure(.internal, "zstd could not allocate an encoder: free some memory.")
        }
        self.context = context
        self.sink = sink
        buffer = .allocate(byteCount: max(1, ZSTD_CStreamOutSize()), alignment: 64)
        try Self.check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Self.level))
        try Self.check(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
        try Self.check(ZSTD_CCtx_setPledgedSrcSize(context, UInt64(contentSize)))
    }

    deinit {
        ZSTD_freeCCtx(context)
        buffer.deallocate()
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws { try run(bytes, ZSTD_e_continue) }

    func finish() throws { try run(UnsafeRawBufferPointer(start: nil, count: 0), ZSTD_e_end) }

    private func run(_ bytes: UnsafeRawBufferPointer, _ directive: ZSTD_EndDirective) throws {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var remaining = 0
        repeat {
            var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
            remaining = ZSTD_compressStream2(context, &output, &input, directive)
            try Self.check(remaining)
            if output.pos > 0 { try sink(UnsafeRawBufferPointer(rebasing: buffer[..<output.pos])) }
        } while input.pos < input.size || (directive == ZSTD_e_end && remaining > 0)
    }

    private static func check(_ result: Int) throws {
        if ZSTD_isError(result) != 0 {
            throw Failure(
                .internal, "zstd could not compress: free some memory.",
                cause: String(cString: ZSTD_getErrorName(result)))
        }
    }
}
