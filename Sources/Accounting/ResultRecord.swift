/// One of the best classes of a row; in JSON the pair `[label, score]`.
public struct LabelScore: Codable, Equatable, Sendable {
    public var label: String
    public var score: Double

    public init(label: String, score: Double) {
        self.label = label
        self.score = score
    }

    public init(from decoder: any Decoder) throws {
        var pair = try decoder.unkeyedContainer()
        label = try pair.decode(String.self)
        score = try pair.decode(Double.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var pair = encoder.unkeyedContainer()
        try pair.encode(label)
        try pair.encode(score)
    }
}

/// One row of the view `v1_results`. `label`, `class`, `score`, `margin` and `top_k` are nil unless `status` is ok.
public struct ResultRecord: Codable, Equatable, Sendable {
    public var seq: Int64
    public var jobID: JobID
    public var pipeline: String
    public var row: Int
    public var itemID: String
    public var label: String?
    /// The class's index.
    public var `class`: Int?
    public var score: Double?
    public var margin: Double?
    public var status: String
    public var topK: [LabelScore]?
    /// 1 if the row went through the differential equation, else 0.
    public var refined: Int

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case seq
        case jobID = "job_id"
        case pipeline
        case row
        case itemID = "item_id"
        case label
        case `class`
        case score
        case margin
        case status
        case topK = "top_k"
        case refined
    }
}
