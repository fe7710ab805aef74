/// The caller's names for the rows of a set.
public enum ItemIDs: Sendable, Hashable {
    /// No ids in the file: the row's ordinal, from 0.
    case ordinal(count: Int)
    case integers([Int64])
    /// Row `i` is `bytes[offsets[i]..<offsets[i + 1]]`, valid UTF-8.
    case utf8(bytes: [UInt8], offsets: [Int64])

    public var count: Int {
        switch self {
        case .ordinal(let count): count
        case .integers(let values): values.count
        case .utf8(_, let offsets): max(0, offsets.count - 1)
        }
    }

    /// The id of a row as text.
    public func text(_ row: Int) -> String {
        switch self {
        case .ordinal: String(row)
        case .integers(let values): String(values[row])
        case .utf8(let bytes, let offsets):
            String(decoding: bytes[Int(offsets[row])..<Int(offsets[row + 1])], as: UTF8.self)
        }
    }

    /// Ids from texts.
    public static func utf8(_ texts: [String]) -> ItemIDs {
        var bytes: [UInt8] = []
        var offsets: [Int64] = [0]
        for text in texts {
            bytes.append(contentsOf: text.utf8)
            offsets.append(Int64(bytes.count))
        }
        return .utf8(bytes: bytes, offsets: offsets)
    }

    public var kind: Kind {
        switch self {
        case .ordinal: .ordinal
        case .integers: .integers
        case .utf8: .utf8
        }
    }

    public enum Kind: String, Sendable, Codable {
        case ordinal
        case integers
        case utf8
    }
}
