/// How it went for one row. A row that is not `ok` costs its neighbours nothing.
public enum RowStatus: UInt8, CaseIterable, Sendable {
    case ok = 0
    /// The embedding, or its supplied velocity, holds a NaN or an infinity.
    case nonFinite = 1
    /// The embedding has no direction: its norm, after the input mean is taken off, is zero or too small to divide by.
    case zeroNorm = 2
    /// The solution left the region where it means anything: `x(T)` not finite, or `|x(T)|` above 1,000.
    case diverged = 3

    /// The word used in SQLite, JSON and files.
    public var name: String {
        switch self {
        case .ok: "ok"
        case .nonFinite: "non_finite"
        case .zeroNorm: "zero_norm"
        case .diverged: "diverged"
        }
    }
}
