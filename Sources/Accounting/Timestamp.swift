import Foundation

/// Times as the store keeps them: ISO 8601 UTC with milliseconds, so that text order is time order.
enum Timestamp {
    /// For instance `2026-11-24T20:45:00.123Z`.
    static func text(_ date: Date) -> String {
        let milliseconds = Int64((date.timeIntervalSince1970 * 1_000).rounded(.down))
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        let fraction = rest < 0 ? rest + 1_000 : rest
        var time = time_t(rest < 0 ? seconds - 1 : seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        var text = ""
        text.reserveCapacity(24)
        append(Int(parts.tm_year) + 1_900, width: 4, "-", to: &text)
        append(Int(parts.tm_mon) + 1, width: 2, "-", to: &text)
        append(Int(parts.tm_mday), width: 2, "T", to: &text)
        append(Int(parts.tm_hour), width: 2, ":", to: &text)
        append(Int(parts.tm_min), width: 2, ":", to: &text)
        append(Int(parts.tm_sec), width: 2, ".", to: &text)
        append(Int(fraction), width: 3, "Z", to: &text)
        return text
    }

    /// The time that `text` wrote, or nil if it wrote none.
    static func date(_ text: String) -> Date? {
        let fields = text.split { !$0.isNumber }.compactMap { Int($0) }
        guard fields.count == 7, text.utf8.count == 24 else { return nil }
        var parts = tm()
        parts.tm_year = Int32(fields[0] - 1_900)
        parts.tm_mon = Int32(fields[1] - 1)
        parts.tm_mday = Int32(fields[2])
        parts.tm_hour = Int32(fields[3])
        parts.tm_min = Int32(fields[4])
        parts.tm_sec = Int32(fields[5])
        return Date(timeIntervalSince1970: Double(timegm(&parts)) + Double(fields[6]) / 1_000)
    }

    private static func append(_ value: Int, width: Int, _ separator: Character, to text: inout String) {
        let digits = String(value)
        for _ in 0..<max(0, width - digits.utf8.count) {
            text.append("0")
        }
        text.append(digits)
        text.append(separator)
    }
}
