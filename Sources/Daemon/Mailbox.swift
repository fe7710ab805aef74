import Dispatch
import Spooling
import Synchronization

/// Messages for one thread that sleeps until there are some, or until a time.
final class Mailbox<Message: Sendable>: Sendable {
    private let messages = Mutex<[Message]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func post(_ message: Message) {
        let wasEmpty = messages.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        if wasEmpty { arrived.signal() }
    }

    /// All messages, in order; may be empty even before the deadline.
    func collect(until deadline: Monotonic.Instant?) -> [Message] {
        if let deadline {
            let wait = max(.zero, Monotonic.now.duration(to: deadline))
            _ = arrived.wait(timeout: .now() + wait / .seconds(1))
        } else {
            arrived.wait()
        }
        return messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }
}
