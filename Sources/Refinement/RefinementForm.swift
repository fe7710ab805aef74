/// In which space the equation is solved. Both give the same stages, up to rounding.
public enum RefinementForm: String, CaseIterable, Codable, Sendable {
    /// In the space of the embeddings, as the equation is written.
    case direct
    /// In the space of the field's hidden layer (see `HiddenForm`).
    case hidden
}
