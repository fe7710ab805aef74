import Failures
import Foundation
import Spooling
import TestSupport
import Testing

extension FileName {
    /// A name that is known to be one.
    init(checkedForTest text: String) {
        guard let name = FileName(text) else { preconditionFailure("\(text) is no file name") }
        self = name
    }
}

/// A spool in a temporary directory, removed with the value.
final class TemporarySpool {
    private let scratch: Scratch
    var root: String { scratch.path }
    let layout: SpoolLayout

    init() throws {
        scratch = try Scratch()
        layout = SpoolLayout(root: scratch.path, pipeline: "demo")
        try layout.create()
    }

    func open(calls: SystemCalls? = nil) throws -> SpoolDirectory {
        guard let calls else { return try SpoolDirectory(layout) }
        return try SpoolDirectory(layout, calls: calls)
    }

    /// Writes a file in place, as cp does.
    @discardableResult
    func drop(_ name: String, _ contents: String = "contents") throws -> FileName {
        try write(contents, to: "\(layout.incoming)/\(name)")
        return FileName(checkedForTest: name)
    }

    func write(_ contents: String, to path: String) throws {
        try Data(contents.utf8).write(to: URL(fileURLWithPath: path))
    }

    func read(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
    }

    /// What is in a directory, by `ls -A`, hidden names included.
    func list(_ directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
    }

    /// How often a file with this inode stands in incoming, work, done and failed together.
    func places(ofInode inode: UInt64) -> [String] {
        [layout.incoming, layout.work, layout.done, layout.failed].flatMap { directory in
            list(directory).map { "\(directory)/\($0)" }.filter { FileStamp(atPath: $0)?.inode == inode }
        }
    }
}

extension FileStamp {
    init?(atPath path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(inode: UInt64(status.st_ino), size: Int64(status.st_size), modified: 0, changed: 0)
    }
}

extension ClaimOutcome {
    var stamp: FileStamp? {
        if case .claimed(let stamp) = self { stamp } else { nil }
    }

    var isVanished: Bool {
        if case .vanished = self { true } else { false }
    }

    var failure: Failure? {
        if case .failed(let failure) = self { failure } else { nil }
    }
}

func reason(_ jobID: Int64, _ name: FileName, _ failure: Failure = Failure(.incomplete, "the end is missing")) -> Reason
{
    Reason(jobID: jobID, pipeline: "demo", fileName: name, failure: failure, at: "2026-01-01T00:00:00.000Z")
}

extension SpoolDirectory {
    /// Claims one file.
    func claim(_ name: FileName, token: ClaimToken) -> ClaimOutcome {
        claim([(name, token)])[0]
    }
}

extension Arrivals {
    static func renamed(_ names: FileName...) -> Arrivals {
        var arrivals = Arrivals()
        for name in names { arrivals.events[name] = .renamed }
        return arrivals
    }
}
