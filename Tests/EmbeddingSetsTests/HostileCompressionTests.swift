import EmbeddingSets
import Failures
import TensorFiles
import TestSupport
import Testing

@Suite("Compressed files that mean harm")
struct HostileCompressionTests {
    private let folder: Scratch
    private let good: [UInt8]

    init() throws {
        folder = try Scratch()
        good = try Fixtures.bytes("f16-ids-labels.safetensors")
    }

    private func code(_ bytes: [UInt8], limits: FileLimits = FileLimits()) throws -> FailureCode? {
        try refusal(folder.write(bytes, to: "file"), limits: limits)?.code
    }

    @Test("frames made by hand are read when they are honest")
    func baseline() throws {
        #expect(try code(RawFrame.frame([.raw(good)])) == nil)
        #expect(try code(RawFrame.frame([.raw(good)], contentSize: UInt64(good.count))) == nil)
    }

    @Test("a window of terabytes is refused before it is allocated", arguments: [0x80, 0x88, 0xF8, 0xFF])
    func window(descriptor: UInt8) throws {
        #expect(try code(RawFrame.frame([.raw(good)], window: descriptor)) == .tooLarge)
    }

    @Test("a declared size that is not true, or beyond the limit, is refused")
    func declaredSize() throws {
        let size = UInt64(good.count)
        #expect(try code(RawFrame.frame([.raw(good)], contentSize: size + 1)) == .corruptZstd)
        #expect(try code(RawFrame.frame([.raw(good)], contentSize: size - 1)) == .corruptZstd)
        // An empty last block is where the library forgets to look.
        let short = RawFrame.frame([.raw(good), .raw([])], contentSize: size + 1)
        #expect(try code(short) == .corruptZstd)
        #expect(try code(RawFrame.frame([.raw([])], contentSize: 120) + RawFrame.frame([.raw(good)])) == .corruptZstd)
        #expect(try code(RawFrame.frame([.raw(good)], contentSize: .max)) == .tooLarge)
        #expect(try code(RawFrame.frame([.raw(good)], contentSize: 2 << 30)) == .tooLarge)
        var small = FileLimits()
        small.decodedBytes = good.count - 1
        #expect(try code(RawFrame.frame([.raw(good)]), limits: small) == .tooLarge)
    }

    /// 900 MB of zeros in 28 KB.
    private func bomb(declaring rows: Int, megabytes: Int) -> [UInt8] {
        let header = safetensors(
            "{\"embeddings\":{\"dtype\":\"F32\",\"shape\":[\(rows),256],\"data_offsets\":[0,\(rows * 1_024)]}}")
        return RawFrame.frame(
            [.raw(header)] + [RawFrame.Block](repeating: .run(0, count: 1 << 17), count: megabytes * 8))
    }

    @Test("a bomb that declares what it holds is refused for its ratio")
    func honestBomb() throws {
        #expect(try code(bomb(declaring: 900 * 1_024, megabytes: 900)) == .tooLarge)
    }

    @Test("a bomb behind a small set is refused after the first byte too many")
    func hiddenBomb() throws {
        let clock = ContinuousClock()
        let bytes = bomb(declaring: 1_024, megabytes: 900)
        var found: FailureCode?
        let time = try clock.measure { found = try code(bytes) }
        #expect(found == .corruptSafetensors)
        // Stopped at the floor, not after 900 MB: a bound that a crowded machine does not break.
        #expect(time < .seconds(15))
    }

    @Test("repeated rows below the floor are no bomb")
    func constantRows() throws {
        #expect(try code(bomb(declaring: 32 * 1_024, megabytes: 32)) == nil)
    }

    @Test("bytes behind the last frame are refused; the start of another frame is waited for")
    func trailing() throws {
        let file = try Fixtures.bytes("f16-ids-labels-oneshot.safetensors.zst")
        #expect(try code(file + [0]) == .corruptZstd)
        #expect(try code(file + Array("garbage".utf8)) == .corruptZstd)
        #expect(try code(file + [0x28]) == .incomplete)
        #expect(try code(file + [0x28, 0xB5, 0x2F, 0xFD]) == .incomplete)
        #expect(try code(file + [0x50, 0x2A, 0x4D, 0x18, 9, 0, 0, 0, 1]) == .incomplete)
        #expect(try code(file + [0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 1]) == nil)
        #expect(try code(file + file) == .corruptSafetensors)
    }

    @Test("a skippable frame of four gigabytes in a small file is incomplete")
    func hugeSkippable() throws {
        #expect(try code([0x5F, 0x2A, 0x4D, 0x18, 0xFF, 0xFF, 0xFF, 0xFF, 1]) == .incomplete)
    }

    @Test("zstd within zstd is not unpacked twice")
    func nested() throws {
        #expect(try code(RawFrame.frame([.raw(RawFrame.frame([.raw(good)]))])) == .unsupportedFormat)
    }

    @Test("a flipped bit under a checksum never gives other rows")
    func flippedBits() throws {
        let file = try Fixtures.bytes("f16-ids-labels-checksum.safetensors.zst")
        for position in file.indices {
            for bit in 0..<8 {
                var damaged = file
                damaged[position] ^= 1 << bit
                let path = try folder.write(damaged, to: "damaged")
                if let set = try? EmbeddingSet.read(path: path) {
                    #expect(set.embeddings == Fixtures.embeddings, "byte \(position), bit \(bit)")
                    #expect(set.ids == .integers(Fixtures.integerIDs))
                }
            }
        }
    }
}
