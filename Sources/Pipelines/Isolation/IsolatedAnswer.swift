import EmbeddingSets
import Failures
import Foundation
import Refinement

/// What a process of its own answers: a length, a header in JSON, then columns as they lie in memory.
///
/// It comes from a process that a hostile file may have broken, so every count in it is checked against the others.
package struct IsolatedAnswer: Sendable {
    package enum Outcome: Sendable {
        case inspected(EmbeddingSetInspection)
        case computed(BatchComputation.Output, featuresPath: String?)
        case failed(Failure)
    }

    package let outcome: Outcome

    package init(outcome: Outcome) { self.outcome = outcome }

    /// Status, classes, scores, margin and id of a row, at most; texts of ids come on top.
    static func bytesPerRow(topK: Int) -> Int { 1 + 8 * topK + 4 + 8 }

    private struct Header: Codable {
        var inspected: EmbeddingSetInspection?
        var computed: Computed?
        var failed: Failed?
    }

    private struct Computed: Codable {
        let rows: Int
        let topK: Int
        let ids: ItemIDs.Kind
        let idBytes: Int
        let sha256: String
        let decodeSeconds: Double
        let refineSeconds: Double
        let featuresPath: String?
    }

    private struct Failed: Codable {
        let code: FailureCode
        let message: String
        let cause: String?
    }
}

extension IsolatedAnswer {
    package func write(_ put: (UnsafeRawBufferPointer) throws -> Void) throws {
        var header = Header()
        switch outcome {
        case .inspected(let inspection): header.inspected = inspection
        case .failed(let failure):
            header.failed = Failed(code: failure.code, message: failure.message, cause: failure.cause)
        case .computed(let output, let featuresPath):
            var idBytes = 0
            if case .utf8(let bytes, _) = output.ids { idBytes = bytes.count }
            header.computed = Computed(
                rows: output.columns.rows, topK: output.columns.topK, ids: output.ids.kind, idBytes: idBytes,
                sha256: output.sha256, decodeSeconds: output.decodeSeconds, refineSeconds: output.refineSeconds,
                featuresPath: featuresPath)
        }
        let words = try JSONEncoder().encode(header)
        try withUnsafeBytes(of: UInt64(words.count)) { try put($0) }
        try words.withUnsafeBytes { try put($0) }
        guard case .computed(let output, _) = outcome else { return }
        try output.columns.statuses.map(\.rawValue).withUnsafeBytes { try put($0) }
        try output.columns.topClasses.withUnsafeBytes { try put($0) }
        try output.columns.topScores.withUnsafeBytes { try put($0) }
        try output.columns.margins.withUnsafeBytes { try put($0) }
        switch output.ids {
        case .ordinal: break
        case .integers(let values): try values.withUnsafeBytes { try put($0) }
        case .utf8(let bytes, let offsets):
            try offsets.withUnsafeBytes { try put($0) }
            try bytes.withUnsafeBytes { try put($0) }
        }
    }

    /// - Parameters:
    ///   - bytes: everything that the process wrote.
    ///   - classes: as many as the model has.
    /// - Returns: nil unless it is a whole answer in which everything fits.
    package init?(_ bytes: [UInt8], classes: Int) {
        var reader = AnswerReader(bytes)
        guard let count: [UInt64] = reader.values(1), let length = Int(exactly: count[0]),
            let words: [UInt8] = reader.values(length),
            let header = try? JSONDecoder().decode(Header.self, from: Data(words))
        else { return nil }
        if let failed = header.failed {
            outcome = .failed(Failure(failed.code, failed.message, cause: failed.cause))
        } else if let inspection = header.inspected {
            outcome = .inspected(inspection)
        } else if let computed = header.computed, let output = Self.output(computed, classes, &reader) {
            outcome = .computed(output, featuresPath: computed.featuresPath)
        } else {
            return nil
        }
        guard reader.isAtEnd else { return nil }
    }

    private static func output(
        _ header: Computed, _ classes: Int, _ reader: inout AnswerReader
    ) -> BatchComputation.Output? {
        let (kept, overflow) = header.rows.multipliedReportingOverflow(by: header.topK)
        guard header.rows >= 0, header.topK >= 1, header.topK <= classes, !overflow,
            let codes: [UInt8] = reader.values(header.rows), let topClasses: [Int32] = reader.values(kept),
            let topScores: [Float] = reader.values(kept), let margins: [Float] = reader.values(header.rows)
        else { return nil }
        var columns = ResultColumns(topK: header.topK)
        columns.statuses = codes.compactMap(RowStatus.init(rawValue:))
        (columns.topClasses, columns.topScores, columns.margins) = (topClasses, topScores, margins)
        guard columns.statuses.count == header.rows,
            topClasses.enumerated().allSatisfy({ index, value in
                columns.statuses[index / header.topK] == .ok ? (0..<Int32(classes)).contains(value) : value == -1
            }), let ids = ids(header, &reader)
        else { return nil }
        return BatchComputation.Output(
            columns: columns, ids: ids, sha256: header.sha256, decodeSeconds: header.decodeSeconds,
            refineSeconds: header.refineSeconds)
    }

    private static func ids(_ header: Computed, _ reader: inout AnswerReader) -> ItemIDs? {
        switch header.ids {
        case .ordinal: return .ordinal(count: header.rows)
        case .integers: return reader.values(header.rows).map(ItemIDs.integers)
        case .utf8:
            guard let offsets: [Int64] = reader.values(header.rows + 1),
                let bytes: [UInt8] = reader.values(header.idBytes), offsets.first == 0,
                offsets.last == Int64(bytes.count), zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
            else { return nil }
            return .utf8(bytes: bytes, offsets: offsets)
        }
    }
}

/// Takes values off the front of bytes, never past their end.
private struct AnswerReader {
    private let bytes: [UInt8]
    private var next = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { next == bytes.count }

    mutating func values<Value: BitwiseCopyable>(_ count: Int) -> [Value]? {
        let (length, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Value>.stride)
        guard count >= 0, !overflow, length <= bytes.count - next else { return nil }
        defer { next += length }
        return [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[next..<next + length]))
            }
            initialized = count
        }
    }
}
