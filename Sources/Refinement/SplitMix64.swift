import Glibc

/// A small seeded generator whose sequence is the same on any machine and in any version.
///
/// Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators (OOPSLA 2014).
package struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64
    private var spare: Double?

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1), with 53 random bits.
    package mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// Uniform in `0..<bound`, without bias (Lemire's multiplication with rejection).
    package mutating func below(_ bound: Int) -> Int {
        let range = UInt64(bound)
        var product = next().multipliedFullWidth(by: range)
        if product.low < range {
            let threshold = (0 &- range) % range
            while product.low < threshold { product = next().multipliedFullWidth(by: range) }
        }
        return Int(product.high)
    }

    /// Standard normal (Marsaglia's polar method).
    package mutating func gaussian() -> Double {
        if let value = spare {
            spare = nil
            return value
        }
        while true {
            let u = 2 * uniform() - 1
            let v = 2 * uniform() - 1
            let square = u * u + v * v
            guard square > 0, square < 1 else { continue }
            let factor = (-2 * log(square) / square).squareRoot()
            spare = v * factor
            return u * factor
        }
    }

    /// Fisher and Yates; the standard library's `shuffled` does not promise its sequence between versions.
    package mutating func shuffle(_ values: inout [Int]) {
        guard values.count > 1 else { return }
        for i in (1..<values.count).reversed() { values.swapAt(i, below(i + 1)) }
    }
}
