import Dispatch
import Synchronization

/// Answers that are made one after the other, and only so many that wait for their turn.
final class AnswerQueue: Sendable {
    private let queue: DispatchQueue
    /// Answers that are being made or wait, at most.
    private let most: Int
    private let waiting = Atomic(0)

    init(_ label: String, most: Int) {
        queue = DispatchQueue(label: label)
        self.most = most
    }

    /// Makes an answer in its turn; where too many wait already, the answer is to ask again.
    func answer(
        _ reply: @escaping @Sendable (HTTPResponse) -> Void, _ make: @escaping @Sendable () throws -> HTTPResponse
    ) {
        guard waiting.add(1, ordering: .relaxed).newValue <= most else {
            waiting.subtract(1, ordering: .relaxed)
            var busy = HTTPResponse.text("\(most) others wait for such an answer: ask again\n", status: 503)
            busy.retryAfter = 1
            return reply(busy)
        }
        queue.async { [self] in
            let response: HTTPResponse
            do {
                response = try make()
            } catch {
                response = .failure(error)
            }
            waiting.subtract(1, ordering: .relaxed)
            reply(response)
        }
    }
}
