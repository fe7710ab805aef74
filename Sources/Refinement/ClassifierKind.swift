/// How refined features become logits.
public enum ClassifierKind: String, CaseIterable, Codable, Sendable {
    /// `s · y · normalise(W)ᵀ`: the angle to each class's weight vector.
    case cosine
    /// `s · y · Wᵀ + b`
    case affine
}
