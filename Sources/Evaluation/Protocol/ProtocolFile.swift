import Failures
import Foundation

/// Runs of the few-shot protocol in a file of JSON lines, so that hours of work survive an interruption: each line is
/// durable before the next run begins, and half a line at the end is dropped.
public struct ProtocolFile {
    public let path: String
    public private(set) var header: ProtocolHeader
    public private(set) var runs: [ProtocolRun]
    private let handle: FileHandle?

    /// Reads a finished or unfinished file.
    ///
    /// - Throws: `not_found`; `invalid_argument` if it is no protocol file.
    public init(reading path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.notFound, "there is no protocol file at \(path): check the path.")
        }
        (header, runs, _) = try Self.parse(data, path)
        self.path = path
        handle = nil
    }

    /// Opens a file to continue it, or begins it.
    ///
    /// - Throws: `invalid_argument` if it was begun with other sets, draws, tool or recipe.
    public init(continuing path: String, header: ProtocolHeader) throws {
        self.path = path
        self.header = header
        runs = []
        var kept = 0
        if let data = FileManager.default.contents(atPath: path), !data.isEmpty {
            let (own, runs, length) = try Self.parse(data, path)
            guard own == header else {
                throw Failure(
                    .invalidArgument,
                    "\(path) was begun with other sets, draws, recipe or version of sono: name another --output.")
            }
            (self.runs, kept) = (runs, length)
        } else if !FileManager.default.createFile(atPath: path, contents: nil) {
            throw Failure(.ioError, "\(path) cannot be written: check the directory.")
        }
        do {
            let handle = try FileHandle(forUpdating: URL(filePath: path))
            try handle.truncate(atOffset: UInt64(kept))
            self.handle = handle
            if kept == 0 { try append(line: header) }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.ioError, "\(path) cannot be written: check the directory and the disk.", cause: "\(error)")
        }
    }

    public func has(method: String, shots: Int?, seed: UInt64) -> Bool {
        runs.contains { $0.method == method && $0.shots == shots && $0.seed == seed }
    }

    /// Adds a run; it is on the disk afterwards.
    public mutating func append(_ run: ProtocolRun) throws {
        try append(line: run)
        runs.append(run)
    }

    private func append(line value: some Encodable) throws {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try handle?.write(contentsOf: encoder.encode(value) + Data("\n".utf8))
            try handle?.synchronize()
        } catch {
            throw Failure(.ioError, "\(path) cannot be written: check the disk.", cause: "\(error)")
        }
    }

    /// - Returns: also the length of all whole lines.
    private static func parse(_ data: Data, _ path: String) throws -> (ProtocolHeader, [ProtocolRun], Int) {
        let length = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let lines = data[..<length].split(separator: UInt8(ascii: "\n"))
        do {
            guard let first = lines.first else { throw Failure(.invalidArgument, "") }
            let header = try JSONDecoder().decode(ProtocolHeader.self, from: first)
            guard header.schema == "sono-protocol/1" else { throw Failure(.invalidArgument, "") }
            return (header, try lines.dropFirst().map { try JSONDecoder().decode(ProtocolRun.self, from: $0) }, length)
        } catch {
            throw Failure(
                .invalidArgument, "\(path) is no file of the few-shot protocol: name another --output.",
                cause: "\(error)")
        }
    }
}
