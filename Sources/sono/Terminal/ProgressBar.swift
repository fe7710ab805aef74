import Foundation
import Training

/// One line on standard error that is drawn over and over; nothing at all where that is no terminal.
final class ProgressBar {
    private let title: String
    private let isShown = Terminal.errorIsTerminal
    private var lastDrawn = Date.distantPast
    private static let width = 30

    init(_ title: String) {
        self.title = title
    }

    /// Draws at most ten times a second.
    func show(_ done: Int, of total: Int, _ words: @autoclosure () -> String = "") {
        guard isShown, total > 0, done >= total || lastDrawn.timeIntervalSinceNow < -0.1 else { return }
        lastDrawn = Date()
        let filled = min(done, total) * Self.width / total
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
        draw("\(title) [\(bar)] \(min(done, total) * 100 / total) % \(words())")
    }

    func show(_ now: TrainingProgress) {
        show(
            (now.trial - 1) * now.of + now.epoch, of: now.trials * now.of,
            "loss \(Figures.fixed(now.loss, 3)), accuracy \(Figures.percent(now.accuracy))")
    }

    /// Takes the line away.
    func finish() {
        if isShown { draw("") }
    }

    private func draw(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[K\(line)".utf8))
    }
}
