import CKernels
import Testing

@Suite("Widening")
struct WideningTests {
    @Test("every float16 widens exactly, in vectors and in their ends")
    func float16() {
        let all = (0...UInt16.max).map { $0 }
        var wide = [Float](repeating: 0, count: all.count)
        ck_widen_f16(all, &wide, all.count)
        for (bits, value) in zip(all, wide) {
            let expected = Self.float16(bits)
            #expect(expected.isNaN ? value.isNaN : value.bitPattern == expected.bitPattern)
        }
        // One at a time goes through the portable code.
        for bits in all where bits % 7 == 0 || bits & 0x7C00 == 0 || bits & 0x7C00 == 0x7C00 {
            var value: Float = 0
            ck_widen_f16([bits], &value, 1)
            #expect(value.bitPattern == wide[Int(bits)].bitPattern)
        }
    }

    @Test("every bfloat16 widens to the float with the same leading bits")
    func bfloat16() {
        let all = (0...UInt16.max).map { $0 }
        var wide = [Float](repeating: 0, count: all.count)
        ck_widen_bf16(all, &wide, all.count)
        #expect(zip(all, wide).allSatisfy { UInt32($0) << 16 == $1.bitPattern })
    }

    /// From the definition of binary16, with the powers of two of Double.
    private static func float16(_ bits: UInt16) -> Float {
        let sign: Double = bits & 0x8000 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 0x1F)
        let fraction = Double(bits & 0x3FF)
        switch exponent {
        case 0: return Float(sign * fraction * Double(sign: .plus, exponent: -24, significand: 1))
        case 31: return fraction == 0 ? Float(sign) * .infinity : .nan
        default:
            return Float(sign * (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1))
        }
    }
}
