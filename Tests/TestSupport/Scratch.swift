import Foundation

/// A directory that goes with the last reference to it.
public final class Scratch: Sendable {
    public let url: URL
    public var path: String { url.path }

    /// - Parameter name: for tests of long paths; otherwise one that no other test has.
    public init(name: String = "sono-\(UUID().uuidString)") throws {
        url = FileManager.default.temporaryDirectory.appending(path: name, directoryHint: .isDirectory)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    /// The path of something in it.
    public func callAsFunction(_ name: String) -> String { url.appending(path: name).path }

    /// What stands in a directory of it, hidden names included, sorted.
    public func names(_ directory: String = "") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self(directory)).sorted()
    }

    /// - Returns: the path of the file written.
    @discardableResult
    public func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: url.appending(path: name))
        return self(name)
    }

    @discardableResult
    public func write(_ text: String, to name: String) throws -> String {
        try write(Array(text.utf8), to: name)
    }
}
