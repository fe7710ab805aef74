import Failures
import TensorFiles

/// One pass over an embedding-set file, tensor by tensor in the order of their bytes.
///
/// Holds one scratch buffer and whatever it was told to keep; UTF-8 ids are always held, since bytes and offsets can only
/// be checked together.
struct SetPass {
    struct Keep {
        var integerIDs = false
        var labels = false
    }

    let reader: TensorReader
    let layout: SetLayout
    private let path: String
    private let keep: Keep
    private var integerIDs: [Int64] = []
    private var idBytes: [UInt8] = []
    private var idOffsets: [Int64] = []
    private var labels: [Int32] = []
    private var statuses: [UInt8: Int]?

    init(_ reader: TensorReader, _ layout: SetLayout, keep: Keep) {
        self.reader = reader
        self.layout = layout
        self.keep = keep
        path = reader.file.path
    }

    /// - Parameter embeddings: takes all bytes of that tensor from the reader.
    mutating func run(embeddings: (TensorReader) throws -> Void) throws -> EmbeddingSetRead {
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
        defer { scratch.deallocate() }
        for entry in reader.header.entries {
            switch SetLayout.role(entry.name) {
            case .embeddings: try embeddings(reader)
            case .integerIDs where keep.integerIDs: integerIDs = try readIntegers(entry)
            case .idOffsets: idOffsets = try readIntegers(entry)
            case .idBytes: idBytes = try readBytes(entry)
            case .labels: try readLabels(entry, scratch)
            case .status where entry.type == .uint8 && entry.shape == [layout.header.rows]:
                statuses = try count(entry, scratch)
            default: try reader.skip(entry.span.count, using: scratch)
            }
        }
        let summary = try reader.finish()
        if layout.header.idKind == .utf8 {
            try SetLayout.rules(path).checkIDs(bytes: idBytes, offsets: idOffsets)
        }
        return EmbeddingSetRead(
            inspection: EmbeddingSetInspection(
                header: layout.header, sha256: summary.sha256, fileBytes: summary.fileBytes,
                decodedBytes: summary.decodedBytes, checksum: summary.checksum, statuses: statuses),
            ids: ids, labels: layout.header.hasLabels && keep.labels ? labels : nil)
    }

    private var ids: ItemIDs {
        switch layout.header.idKind {
        case .utf8: .utf8(bytes: idBytes, offsets: idOffsets)
        case .integers where keep.integerIDs: .integers(integerIDs)
        default: .ordinal(count: layout.header.rows)
        }
    }

    private func readIntegers(_ entry: TensorEntry) throws -> [Int64] {
        try [Int64](unsafeUninitializedCapacity: entry.count) { buffer, filled in
            try reader.read(into: UnsafeMutableRawBufferPointer(buffer))
            filled = entry.count
        }
    }

    private func readBytes(_ entry: TensorEntry) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: entry.span.count) { buffer, filled in
            try reader.read(into: UnsafeMutableRawBufferPointer(buffer))
            filled = entry.span.count
        }
    }

    /// How often each byte occurs.
    private func count(_ entry: TensorEntry, _ scratch: UnsafeMutableRawBufferPointer) throws -> [UInt8: Int] {
        var counts = [Int](repeating: 0, count: 256)
        var done = 0
        while done < entry.span.count {
            let part = UnsafeMutableRawBufferPointer(rebasing: scratch[..<min(scratch.count, entry.span.count - done)])
            try reader.read(into: part)
            for byte in part { counts[Int(byte)] += 1 }
            done += part.count
        }
        let found = (UInt8.min...UInt8.max).filter { counts[Int($0)] > 0 }
        return Dictionary(uniqueKeysWithValues: found.map { ($0, counts[Int($0)]) })
    }

    private mutating func readLabels(_ entry: TensorEntry, _ scratch: UnsafeMutableRawBufferPointer) throws {
        let rules = SetLayout.rules(path)
        let classes = layout.header.classes?.count ?? 0
        if keep.labels { labels.reserveCapacity(entry.count) }
        var row = 0
        while row < entry.count {
            let count = min(entry.count - row, scratch.count / entry.type.size)
            let part = UnsafeMutableRawBufferPointer(rebasing: scratch[..<(count * entry.type.size)])
            try reader.read(into: part)
            for index in 0..<count {
                let label =
                    entry.type == .int64
                    ? Int64(littleEndian: part.load(fromByteOffset: 8 * index, as: Int64.self))
                    : Int64(Int32(littleEndian: part.load(fromByteOffset: 4 * index, as: Int32.self)))
                try rules.checkLabel(label, row: row + index, classes: classes)
                if keep.labels { labels.append(Int32(label)) }
            }
            row += count
        }
    }
}
