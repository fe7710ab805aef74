import Foundation

/// Polls until something holds: the promise is that it comes true, the limit only ends a test that would never end.
///
/// - Parameter what: told at the limit, as things are then.
/// - Throws: `NeverHappened` at the limit.
public func eventually(
    _ what: @autoclosure () -> String, within seconds: Double = 60, _ holds: () throws -> Bool
) throws {
    let end = Date(timeIntervalSinceNow: seconds)
    while try !holds() {
        guard Date() < end else { throw NeverHappened(what: what(), seconds: seconds) }
        usleep(20_000)
    }
}

public struct NeverHappened: Error, CustomStringConvertible {
    let what: String
    let seconds: Double

    public var description: String { "still waiting after \(seconds) s: \(what)" }
}
