import Daemon
import Dispatch
import Foundation
import Testing

@Suite("threads of the service")
struct ThreadTests {
    private final class Owner: Sendable {
        let queue = DispatchQueue(label: "of an owner")
    }

    @Test("a thread that says that it has ended holds nothing of its work any more")
    func letsGo() {
        for _ in 0..<100 {
            weak var owner: Owner?
            let ended = DispatchSemaphore(value: 0)
            do {
                let own = Owner()
                owner = own
                Thread.work("test", signalling: ended) { own.queue.sync {} }
            }
            ended.wait()
            #expect(owner == nil)
        }
    }
}
