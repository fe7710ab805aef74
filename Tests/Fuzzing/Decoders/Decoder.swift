import Failures

/// The decoders that read what somebody else wrote, each with all that it promises of any bytes: it ends in a value that
/// holds together, or in a failure with one of a few codes and a message of one short line.
///
/// libFuzzer (`make fuzz`) and the tests beside this folder run the same `outcome`.
enum Decoder: String, CaseIterable, Codable, Sendable {
    case zstd
    case safetensors
    case npy
    case embeddingSet = "embedding-set"
    case model
    case pipeline

    /// Decodes bytes, through a file where the decoder takes a path.
    ///
    /// - Returns: nil for a value, or the code that the bytes were refused with.
    /// - Throws: `BrokenPromise`.
    func outcome(of bytes: [UInt8], in file: MemoryFile) throws -> FailureCode? {
        do {
            switch self {
            case .zstd: try ZstdPromise.check(bytes, file)
            case .safetensors: try SafetensorsHeaderPromise.check(bytes)
            case .npy: try NpyHeaderPromise.check(bytes)
            case .embeddingSet: try EmbeddingSetPromise.check(bytes, file)
            case .model: try ModelPromise.check(bytes, file)
            case .pipeline: try PipelinePromise.check(bytes, file)
            }
            return nil
        } catch let failure as Failure {
            try check(failure)
            return failure.code
        } catch let broken as BrokenPromise {
            throw broken
        } catch {
            throw BrokenPromise("ends neither in a value nor in a Failure: \(error)")
        }
    }

    /// All that a file may be refused with. Nothing in these files makes the disk or the program fail.
    var codes: Set<FailureCode> {
        switch self {
        case .zstd: [.incomplete, .corruptZstd, .tooLarge, .unsupportedFormat]
        case .safetensors: [.corruptSafetensors, .tooLarge]
        case .npy: [.corruptNpy, .tooLarge, .unsupportedFormat]
        case .embeddingSet:
            [.incomplete, .corruptZstd, .corruptSafetensors, .corruptNpy, .tooLarge, .unsupportedFormat, .noRows]
        case .model: [.modelInvalid]
        case .pipeline: [.configurationInvalid]
        }
    }

    private func check(_ failure: Failure) throws {
        try BrokenPromise.require(codes.contains(failure.code), "ends in \(failure)")
        for words in [failure.message, failure.cause ?? "none"] {
            try BrokenPromise.require((1...2_048).contains(words.utf8.count), "a message of \(words.utf8.count) bytes")
            try BrokenPromise.require(ForeignText.line(words) == words, "a message of several lines")
        }
    }
}
