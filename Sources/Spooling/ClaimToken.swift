/// The name of a claimed input in work/: 16 hexadecimal digits, drawn at random.
///
/// Inputs lie in work/ under a token and not under their own name because a job id does not exist yet and a name may
/// already have 255 bytes. The original name is noted in the store before the claim.
public struct ClaimToken: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    /// Nil unless the text is 16 lower-case hexadecimal digits.
    public init?(_ text: String) {
        let digits = text.utf8
        guard digits.count == 16,
            digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.text = text
    }

    private init(number: UInt64) {
        let digits = String(number, radix: 16)
        text = String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// A new token.
    public static func random() -> ClaimToken {
        ClaimToken(number: UInt64.random(in: 0...UInt64.max))
    }

    public var description: String { text }

    var fileName: FileName { FileName(checked: Array(text.utf8)) }
}
