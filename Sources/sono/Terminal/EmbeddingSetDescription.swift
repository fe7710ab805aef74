import EmbeddingSets

/// An embedding set as `inspect` shows it.
struct EmbeddingSetDescription: Encodable {
    private let kind = "embedding-set"
    private let rows: Int
    private let dimension: Int
    private let elementType: String
    private let ids: String
    private let labels: Bool
    private let velocity: Bool
    private let encoder: String?
    private let normalized: Bool?
    private let classes: [String]?
    private let texts: Int?
    private let producer: String?
    private let sha256: String
    private let fileBytes: Int
    private let decodedBytes: Int
    private let checksum: String?
    private let warnings: [String]

    init(_ inspection: EmbeddingSetInspection) {
        let header = inspection.header
        rows = header.rows
        dimension = header.dimension
        elementType = header.elementType.rawValue
        ids = header.idKind.rawValue
        labels = header.hasLabels
        velocity = header.hasVelocity
        encoder = header.encoder
        normalized = header.normalized
        classes = header.classes
        texts = header.texts?.count
        producer = header.producer
        sha256 = inspection.sha256
        fileBytes = inspection.fileBytes
        decodedBytes = inspection.decodedBytes
        checksum = inspection.checksum?.rawValue
        warnings = header.warnings
    }

    var text: String {
        let compression = checksum.map { checksum in
            ", \(Figures.bytes(decodedBytes)) decompressed, frame checksum \(checksum)"
        }
        return listing([
            ("embedding set", "\(Figures.grouped(rows)) rows of \(dimension) \(elementType)"),
            ("ids", ids),
            ("labels", labels ? "yes" : "no"),
            ("velocity", velocity ? "yes" : "no"),
            ("encoder", encoder ?? "not named"),
            ("normalized", normalized.map { $0 ? "yes" : "no" }),
            (
                "classes",
                classes.map { "\($0.count): \($0.prefix(5).joined(separator: ", "))\($0.count > 5 ? ", ..." : "")" }
            ),
            ("texts", texts.map(String.init)),
            ("producer", producer),
            ("file", Figures.bytes(fileBytes) + (compression ?? "")),
            ("sha256", sha256),
        ])
    }
}
