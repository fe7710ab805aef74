/// One tensor as a file's header declares it; the spans of a checked header cover the payload without gap or overlap.
public struct TensorEntry: Sendable, Hashable {
    public let name: String
    public let type: ElementType
    /// The type as the file names it.
    public let typeName: String
    public let shape: [Int]
    /// Where the bytes stand, counted from the first byte after the header.
    public let span: Range<Int>

    public init(name: String, type: ElementType, typeName: String? = nil, shape: [Int], span: Range<Int>) {
        self.name = name
        self.type = type
        self.typeName = typeName ?? type.rawValue
        self.shape = shape
        self.span = span
    }

    /// Number of elements; the header's checks make this product safe.
    public var count: Int { span.count / type.size }

    /// Bytes of one row, that is, of everything behind the first dimension.
    public var rowBytes: Int { shape.dropFirst().reduce(type.size, *) }
}
