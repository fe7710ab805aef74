/// Durations and sizes as people write them in pipeline.d.
enum Quantity {
    /// A hundred years: longer ones are for ever, and would overflow where times are added.
    private static let longest = Duration.seconds(36_500 * 86_400)

    /// `7d`, `12h`, `10min`, `2s`, `500ms`; whole numbers only. Nil if the text is no duration, or one beyond `36500d`.
    static func duration(_ text: String) -> Duration? {
        let units: [String: Int64] = ["d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1_000, "ms": 1]
        guard let (number, unit) = split(text), let milliseconds = units[unit] else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: milliseconds)
        let duration = Duration.milliseconds(product)
        return overflow || duration > longest ? nil : duration
    }

    /// `1GiB`, `512MiB`, `64KiB`, `100MB`, `4096` (bytes); whole numbers only. Nil if the text is no size.
    static func bytes(_ text: String) -> Int? {
        let units: [String: Int64] = [
            "": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
            "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "TB": 1_000_000_000_000,
        ]
        guard let (number, unit) = split(text), let scale = units[unit] else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: scale)
        return overflow ? nil : Int(product)
    }

    private static func split(_ text: String) -> (Int64, String)? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(digits) else { return nil }
        return (number, text.dropFirst(digits.count).trimmingPrefix(" ").description)
    }
}
