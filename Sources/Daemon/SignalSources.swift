import Dispatch
import Glibc

/// Turns signals into calls on a queue.
final class SignalSources {
    private let sources: [any DispatchSourceSignal]

    /// To be made before the process has other threads, which inherit what is blocked.
    ///
    /// The signals are blocked and not ignored: they would end the process before the sources hear of them, and one that
    /// is ignored until Dispatch has set up its own handling, on a thread that may come late, is lost. A blocked one
    /// waits.
    init(_ signals: [Int32], on queue: DispatchQueue, handler: @escaping @Sendable (Int32) -> Void) {
        var set = sigset_t()
        sigemptyset(&set)
        for number in signals { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        sources = signals.map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { handler(number) }
            source.resume()
            return source
        }
    }

    func cancel() {
        for source in sources { source.cancel() }
    }
}
