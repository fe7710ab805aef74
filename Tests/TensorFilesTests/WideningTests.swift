import TensorFiles
import Testing

@Suite("Element conversion")
struct WideningTests {
    @Test("every float16 widens to the value the format defines")
    func everyHalf() {
        let bits = (0...UInt16.max).map { $0 }
        for (half, value) in zip(bits, widened(bits, .float16)) {
            let expected = Float(Float16(bitPattern: half))
            if expected.isNaN {
                #expect(value.isNaN)
            } else {
                #expect(value.bitPattern == expected.bitPattern, "half \(half)")
            }
        }
    }

    @Test("every bfloat16 widens to the float with the same leading bits")
    func everyBrain() {
        let bits = (0...UInt16.max).map { $0 }
        #expect(zip(bits, widened(bits, .bfloat16)).allSatisfy { UInt32($0) << 16 == $1.bitPattern })
    }

    @Test("a float16 has the same bits alone, where no vector holds it, as among others")
    func ends() {
        let bits = (0...UInt16.max).map { $0 }
        let together = widened(bits, .float16)
        for half in bits where half % 7 == 0 || half & 0x7C00 == 0 || half & 0x7C00 == 0x7C00 {
            #expect(widened([half], .float16)[0].bitPattern == together[Int(half)].bitPattern, "half \(half)")
        }
    }

    @Test("elements widen to the same floats from an odd address", arguments: [ElementType.float16, .bfloat16])
    func misaligned(type: ElementType) {
        let bits = (0..<1_001).map { UInt16($0 * 61) }
        let shifted: [UInt8] = [0] + bits.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
        var floats = [Float](repeating: 0, count: bits.count)
        // An allocation is aligned; behind its first byte nothing is.
        shifted.withUnsafeBytes { bytes in
            floats.withUnsafeMutableBufferPointer {
                Widening.widen(UnsafeRawBufferPointer(rebasing: bytes[1...]), type, into: $0)
            }
        }
        #expect(floats.map(\.bitPattern) == widened(bits, type).map(\.bitPattern))
    }

    private func widened(_ bits: [UInt16], _ type: ElementType) -> [Float] {
        var floats = [Float](repeating: 0, count: bits.count)
        bits.withUnsafeBytes { bytes in
            floats.withUnsafeMutableBufferPointer { Widening.widen(bytes, type, into: $0) }
        }
        return floats
    }

    @Test("narrowing to float16 rounds to nearest even, into subnormals and infinity")
    func narrowing() throws {
        var values: [Float] = [
            0, -0.0, 65_504, 65_519, 65_520, 1e-8, 5.96e-8, 2.98e-8, 2.99e-8, 6.1e-5, .infinity, -1e9,
        ]
        var state: UInt32 = 1
        for _ in 0..<20_000 {
            state = state &* 1_664_525 &+ 1_013_904_223
            values.append(Float(bitPattern: state))
        }
        let bytes = try values.withUnsafeBufferPointer { try Widening.narrow($0, .float16) }
        for (index, value) in values.enumerated() where !value.isNaN {
            let half = UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8
            #expect(half == Float16(value).bitPattern, "\(value)")
        }
    }

    @Test("bfloat16 is the upper half of a float, rounded to nearest even")
    func brain() throws {
        let values: [Float] = [1, -2.5, Float(bitPattern: 0x3F80_8000), Float(bitPattern: 0x3F81_8000), 3.4e38, .nan]
        let bytes = try values.withUnsafeBufferPointer { try Widening.narrow($0, .bfloat16) }
        let halves = (0..<values.count).map { UInt16(bytes[2 * $0]) | UInt16(bytes[2 * $0 + 1]) << 8 }
        #expect(halves[..<5] == [0x3F80, 0xC020, 0x3F80, 0x3F82, 0x7F80])
        #expect(Float(bitPattern: UInt32(halves[5]) << 16).isNaN)
    }
}
