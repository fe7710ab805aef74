import Glibc

// What libFuzzer calls; the environment says which decoder to feed. Compiled by the script `fuzz`, not by SwiftPM.

private struct Target {
    let decoder: Decoder
    let file: MemoryFile
}

nonisolated(unsafe) private var target: Target?

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutableRawPointer, _ arguments: UnsafeMutableRawPointer
) -> Int32 {
    guard let name = getenv("SONO_FUZZ_DECODER"), let decoder = Decoder(rawValue: String(cString: name)),
        let file = try? MemoryFile()
    else { fatalError("SONO_FUZZ_DECODER names no decoder: \(Decoder.allCases.map(\.rawValue))") }
    target = Target(decoder: decoder, file: file)
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard let target else { return 0 }
    do {
        _ = try target.decoder.outcome(of: Array(UnsafeBufferPointer(start: bytes, count: count)), in: target.file)
    } catch {
        fatalError("\(target.decoder.rawValue): \(error)")
    }
    return 0
}
