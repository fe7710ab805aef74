import CZstd
import Failures

/// Decodes one zstd frame at a time into whatever buffer the caller has.
final class ZstdDecoder {
    private let context: OpaquePointer

    init(windowLog: Int) throws {
        guard let context = ZSTD_createDCtx() else {
            throw Failure(.internal, "zstd could not allocate a decoder: free some memory.")
        }
        self.context = context
        let set = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Int32(windowLog))
        guard ZSTD_isError(set) == 0 else {
            throw Failure(.internal, "zstd refused windowLog \(windowLog)", cause: Self.name(set))
        }
    }

    deinit { ZSTD_freeDCtx(context) }

    func startFrame() {
        ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
    }

    struct Step {
        var consumed: Int
        var produced: Int
        var frameEnded: Bool
    }

    /// Takes some input and gives some output; a checksum is verified when the frame ends.
    func decode(from source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws -> Step {
        var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
        var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        let result = ZSTD_decompressStream(context, &output, &input)
        guard ZSTD_isError(result) == 0 else { throw Self.failure(result) }
        return Step(consumed: input.pos, produced: output.pos, frameEnded: result == 0)
    }

    private static func failure(_ result: Int) -> Failure {
        switch ZSTD_getErrorCode(result) {
        case ZSTD_error_checksum_wrong:
            Failure(
                .corruptZstd, "the zstd checksum does not match: the file was damaged on its way, send it again.",
                cause: name(result))
        case ZSTD_error_frameParameter_windowTooLarge:
            Failure(.tooLarge, "the zstd window is too large: compress without --long or --ultra.", cause: name(result))
        case ZSTD_error_memory_allocation:
            Failure(.ioError, "zstd ran out of memory: free some and try again.", cause: name(result))
        default:
            Failure(.corruptZstd, "the zstd data is damaged: compress and send the file again.", cause: name(result))
        }
    }

    private static func name(_ result: Int) -> String { String(cString: ZSTD_getErrorName(result)) }
}
