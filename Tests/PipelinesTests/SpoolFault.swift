import Spooling
import Synchronization

/// Makes the spool's calls fail: one of them, or all from one on, which is what kill -9 looks like from the disk.
final class SpoolFault: Sendable {
    enum Kind { case once, fromThenOn }

    let isDeath: Bool
    private let call: Int
    private let number: Int32
    private let count = Atomic(0)

    init(_ kind: Kind, atCall call: Int, number: Int32) {
        isDeath = kind == .fromThenOn
        self.call = call
        self.number = number
    }

    var hasStruck: Bool { count.load(ordering: .relaxed) > call }

    var calls: SystemCalls {
        SystemCalls { [self] _ in
            let place = count.wrappingAdd(1, ordering: .relaxed).oldValue
            return place == call || (isDeath && place > call) ? number : nil
        }
    }
}
