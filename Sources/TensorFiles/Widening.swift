import CKernels
import Failures

/// Conversion between stored elements (little-endian bytes, any alignment) and Float.
package enum Widening {
    /// Widens stored elements; F16 and BF16 exactly, F64 rounded to nearest.
    ///
    /// - Parameters:
    ///   - source: `target.count * type.size` bytes, or more.
    ///   - type: a float type.
    package static func widen(
        _ source: UnsafeRawBufferPointer, _ type: ElementType, into target: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(source.count >= target.count * type.size)
        switch type {
        case .float32:
            UnsafeMutableRawBufferPointer(target).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: source[..<(target.count * 4)]))
        case .float16, .bfloat16:
            widenHalves(source, brain: type == .bfloat16, into: target)
        case .float64:
            for i in 0..<target.count {
                target[i] = Float(source.loadUnaligned(fromByteOffset: 8 * i, as: Double.self))
            }
        default:
            preconditionFailure("\(type) is no float type")
        }
    }

    /// Narrows floats to stored elements, rounding to nearest even; what is too large for F16 becomes infinite.
    ///
    /// - Throws: `invalid_argument` where `type` is no float type.
    package static func narrow(_ source: UnsafeBufferPointer<Float>, _ type: ElementType) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: source.count * type.size) { buffer, filled in
            let target = UnsafeMutableRawBufferPointer(buffer)
            switch type {
            case .float32:
                target.copyMemory(from: UnsafeRawBufferPointer(source))
            case .float16:
                for i in 0..<source.count {
                    target.storeBytes(of: half(source[i]), toByteOffset: 2 * i, as: UInt16.self)
                }
            case .bfloat16:
                for i in 0..<source.count {
                    target.storeBytes(of: brain(source[i]), toByteOffset: 2 * i, as: UInt16.self)
                }
            case .float64:
                for i in 0..<source.count {
                    target.storeBytes(of: Double(source[i]), toByteOffset: 8 * i, as: Double.self)
                }
            default:
                throw Failure(.invalidArgument, "floats cannot be stored as \(type.rawValue): use F16, BF16 or F32.")
            }
            filled = source.count * type.size
        }
    }

    private static func widenHalves(
        _ source: UnsafeRawBufferPointer, brain: Bool, into target: UnsafeMutableBufferPointer<Float>
    ) {
        guard let to = target.baseAddress, let from = source.baseAddress else { return }
        guard Int(bitPattern: from) % 2 == 0 else {
            // A tensor behind an odd number of bytes: rare enough for a copy.
            return withUnsafeTemporaryAllocation(byteCount: 2 * target.count, alignment: 64) { copy in
                copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<copy.count]))
                widenHalves(UnsafeRawBufferPointer(copy), brain: brain, into: target)
            }
        }
        let halves = from.assumingMemoryBound(to: UInt16.self)
        if brain {
            ck_widen_bf16(halves, to, target.count)
        } else {
            ck_widen_f16(halves, to, target.count)
        }
    }

    /// binary32 to binary16, round to nearest even.
    static func half(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: (bits >> 16) & 0x8000)
        let magnitude = bits & 0x7FFF_FFFF
        if magnitude > 0x7F80_0000 { return sign | 0x7E00 }
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        if magnitude < 0x3880_0000 {
            // Subnormal: adding 0.5 lets the addition itself round at the right bit.
            let rounded = (Float(bitPattern: magnitude) + 0.5).bitPattern - Float(0.5).bitPattern
            return sign | UInt16(truncatingIfNeeded: rounded)
        }
        let even = (magnitude >> 13) & 1
        return sign | UInt16(truncatingIfNeeded: (magnitude - 0x3800_0000 + 0xFFF + even) >> 13)
    }

    /// binary32 to bfloat16, round to nearest even.
    static func brain(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)
    }
}
