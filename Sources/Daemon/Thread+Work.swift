import CLinux
import Dispatch
import Foundation
import Synchronization

extension Thread {
    /// Does work on a thread of its own, which has let go of all that the work refers to when it says that it has ended.
    ///
    /// Foundation's `Thread` keeps its block until the thread is torn down. libdispatch has cleaned up its own part of the
    /// thread by then, and a queue that is released after that uses memory which was freed: the process aborts, now and
    /// then. So what owns queues must not be released last by a block of `Thread`.
    package static func work(
        _ name: String, signalling ended: DispatchSemaphore, _ work: @escaping @Sendable () -> Void
    ) {
        let body = Mutex<(@Sendable () -> Void)?>(work)
        Thread {
            // Not by `Thread.name`, which comes too early to be seen by `top -H`.
            _ = set_thread_name(name)
            do {
                let work = body.withLock { body in
                    defer { body = nil }
                    return body
                }
                work?()
            }
            ended.signal()
        }.start()
    }
}
