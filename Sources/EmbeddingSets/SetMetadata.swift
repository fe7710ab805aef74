import TensorFiles

/// The metadata of an embedding set, on its way into a file.
public struct SetMetadata: Sendable {
    public var encoder: String?
    public var normalized: Bool?
    public var classes: [String]?
    public var texts: [String]?
    public var producer: String?

    public init(
        encoder: String? = nil, normalized: Bool? = nil, classes: [String]? = nil, texts: [String]? = nil,
        producer: String? = nil
    ) {
        self.encoder = encoder
        self.normalized = normalized
        self.classes = classes
        self.texts = texts
        self.producer = producer
    }

    /// As safetensors keeps it: strings only.
    public var encoded: [String: String] {
        var metadata = ["schema": SetLayout.schema]
        metadata["encoder"] = encoder
        metadata["normalized"] = normalized.map { String($0) }
        metadata["classes"] = classes.map(JSONStrings.array)
        metadata["texts"] = texts.map(JSONStrings.array)
        metadata["producer"] = producer
        return metadata
    }
}
