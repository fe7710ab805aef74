/// How hard training looks for the best model.
public enum Budget: String, CaseIterable, Sendable, Codable {
    /// In closed form with narrow hidden layers.
    case fast
    /// In closed form.
    case standard
    /// In closed form with wide hidden layers, then by gradients, and the likelier model on the rows to choose by is kept.
    case thorough

    /// `G`, the width of the initial-velocity network at most: no layer has more units than there are support rows. Three
    /// times `H`, as a unit there costs less and did more on pool rows.
    public var velocityWidth: Int { 3 * width }

    /// `H`, the width of the field's hidden layer at most.
    public var width: Int {
        switch self {
        case .fast: 32
        case .standard: 128
        case .thorough: 256
        }
    }
}
