import Refinement

/// Spoils inputs in the ways that break decoders; the same seed gives the same inputs on any machine.
struct Mutator {
    private var generator: SplitMix64
    private static let mostBytes = 16 << 10
    private static let words: [[UInt8]] = [
        [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0, 0, 0, 0, 0x80], [UInt8](repeating: 0xFF, count: 8),
        [0x28, 0xB5, 0x2F, 0xFD], [0x50, 0x2A, 0x4D, 0x18], [0xC3], [0xED, 0xA0, 0x80], [0xFF, 0xFE],
        Array("9223372036854775807".utf8), Array("18446744073709551616".utf8), Array("4611686018427387904".utf8),
        Array("-1".utf8), Array("1e308".utf8), Array("null".utf8), Array("\\ud800".utf8), Array("\\u0000".utf8),
        Array("{\"a\":".utf8), Array("[[[[[[[[".utf8), Array("\"shape\":[0,".utf8), Array("\"F16\"".utf8),
        Array("\"I64\"".utf8), Array("&a [*a, *a]".utf8), Array("? ".utf8), Array("- ".utf8), Array("!!binary ".utf8),
        Array("TiB".utf8), Array("36500d".utf8), Array("\r\n".utf8), Array("\t".utf8), Array("e\u{301}".utf8),
    ]

    init(seed: UInt64) {
        generator = SplitMix64(seed: seed)
    }

    /// One of the inputs with one to eight mutations.
    mutating func next(_ inputs: [Corpus.Input]) -> [UInt8] {
        var bytes = inputs[generator.below(inputs.count)].bytes
        for _ in 0...generator.below(8) {
            mutate(&bytes, beside: inputs[generator.below(inputs.count)].bytes)
        }
        return Array(bytes.prefix(Self.mostBytes))
    }

    private mutating func mutate(_ bytes: inout [UInt8], beside other: [UInt8]) {
        switch generator.below(10) {
        case 0: replaceByte(&bytes) { $0 ^ 1 << UInt8($1 & 7) }
        case 1: replaceByte(&bytes) { _, random in UInt8(random) }
        case 2: replaceByte(&bytes) { $0 &+ ($1 & 1 == 0 ? 1 : 255) }
        case 3: changeDigit(&bytes)
        case 4: bytes.removeSubrange(range(in: bytes))
        case 5: bytes = Array(bytes.prefix(generator.below(bytes.count + 1)))
        case 6:
            let repeated = Array(bytes[range(in: bytes)])
            bytes.insert(contentsOf: repeated, at: generator.below(bytes.count + 1))
        case 7:
            let word = Self.words[generator.below(Self.words.count)]
            bytes.insert(contentsOf: word, at: generator.below(bytes.count + 1))
        case 8:
            let word = Self.words[generator.below(Self.words.count)]
            let start = generator.below(bytes.count + 1)
            bytes.replaceSubrange(start..<min(bytes.count, start + word.count), with: word)
        default:
            let piece = other[range(in: other)]
            bytes.replaceSubrange(range(in: bytes), with: piece)
        }
    }

    private mutating func replaceByte(_ bytes: inout [UInt8], _ change: (UInt8, Int) -> UInt8) {
        guard !bytes.isEmpty else { return }
        let place = generator.below(bytes.count)
        bytes[place] = change(bytes[place], generator.below(256))
    }

    /// Headers are full of numbers, and one digit makes a lie of them.
    private mutating func changeDigit(_ bytes: inout [UInt8]) {
        let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
        guard !digits.isEmpty else { return }
        bytes[digits[generator.below(digits.count)]] = UInt8(0x30 + generator.below(10))
    }

    private mutating func range(in bytes: [UInt8]) -> Range<Int> {
        let start = generator.below(bytes.count + 1)
        return start..<start + generator.below(min(64, bytes.count - start) + 1)
    }
}
