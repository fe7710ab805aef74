/// How hard training looks for the best model.
public enum Budget: String, CaseIterable, Sendable, Codable {
    /// In closed form with narrow hidden layers.
    case fast
    /// In closed form.
    case standard
    /// In closed form with wide hidden layers, then by gradients, and the likelier model on the rows to choose by is kept.
    case thorough

    /// `H` and `G`, the widths of the hidden layers, at most: a layer has no more units than there are support rows.
    public var width: Int {
        switch self {
        case .fast: 64
        case .standard: 256
        case .thorough: 512
        }
    }
}
