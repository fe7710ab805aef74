import Foundation
import Testing

/// A directory that goes with the test.
final class Scratch: Sendable {
    let path: String

    init(name: String = "sono-\(UUID().uuidString)") throws {
        path = FileManager.default.temporaryDirectory.appending(path: name).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: self(name)))
    }

    func names(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self(directory)).sorted()
    }
}

/// Waits until something holds.
func eventually(_ what: Comment, within seconds: Double = 30, _ holds: () throws -> Bool) throws {
    let end = Date().addingTimeInterval(seconds)
    while try !holds() {
        try #require(Date() < end, what)
        usleep(20_000)
    }
}
