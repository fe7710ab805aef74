import Foundation

/// Numbers as a person reads them; programs get them from `--json`.
enum Figures {
    /// `57.3 %`
    static func percent(_ share: Double) -> String { "\(fixed(share * 100, 1)) %" }

    /// `+1.2`: a difference of shares, in points.
    static func signedPoints(_ difference: Double) -> String {
        (difference < 0 ? "" : "+") + fixed(100 * difference, 1)
    }

    static func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

    /// `12,840`
    static func grouped(_ count: Int) -> String {
        let digits = String(count.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return count < 0 ? "-\(text)" : text
    }

    /// `1.4 MiB`
    static func bytes(_ count: Int) -> String {
        var value = Double(count)
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1_024 { return unit == "B" ? "\(count) B" : "\(fixed(value, 1)) \(unit)" }
            value /= 1_024
        }
        return "\(fixed(value, 1)) TiB"
    }

    /// `35 ms`, `2.4 s`, `12 min`, `3.0 h`
    static func duration(_ seconds: Double) -> String {
        switch seconds {
        case ..<0.001: "\(fixed(seconds * 1e6, 0)) us"
        case ..<1: "\(fixed(seconds * 1e3, 0)) ms"
        case ..<120: "\(fixed(seconds, 1)) s"
        case ..<7_200: "\(fixed(seconds / 60, 0)) min"
        case ..<172_800: "\(fixed(seconds / 3_600, 1)) h"
        default: "\(fixed(seconds / 86_400, 1)) d"
        }
    }
}
