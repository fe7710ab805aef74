import Foundation

/// A point in time as a person names it: `2026-11-30`, `2026-11-30T14:00`, `2026-11-30T14:00:05Z` in UTC, or how long ago:
/// `90s`, `15min`, `2h`, `7d`.
public struct TimePoint: Sendable {
    /// ISO 8601 UTC as the store has it, or its beginning: text order is time order.
    public let text: String

    public init?(_ argument: String, now: Date = Date()) {
        if let seconds = Self.seconds(argument) {
            text = (now - seconds).ISO8601Format(.init(includingFractionalSeconds: true))
            return
        }
        let plain = argument.hasSuffix("Z") ? argument.dropLast() : argument[...]
        let template = "0000-00-00T00:00:00.000"
        // To the day at least; then up to any digit pair.
        guard [10, 16, 19, 23].contains(plain.count),
            zip(plain, template).allSatisfy({ $1 == "0" ? $0.isASCII && $0.isNumber : $0 == $1 }),
            (try? Date("\(plain.prefix(10))T00:00:00Z", strategy: .iso8601)) != nil
        else { return nil }
        text = String(plain)
    }

    private static func seconds(_ text: String) -> Double? {
        let units = ["s": 1.0, "min": 60, "h": 3_600, "d": 86_400]
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), number < 1_000_000_000, let unit = units[String(text.dropFirst(digits.count))]
        else { return nil }
        return Double(number) * unit
    }
}
