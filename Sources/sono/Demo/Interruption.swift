import Dispatch
import Foundation

/// Tidies up when a person interrupts the program; what was started as our child ends with us by itself.
struct Interruption {
    private let sources: [any DispatchSourceSignal]

    init(_ tidy: @escaping @Sendable () -> Void) {
        sources = [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                tidy()
                Foundation.exit(128 + number)
            }
            source.resume()
            return source
        }
    }

    func cancel() {
        for source in sources { source.cancel() }
    }
}
