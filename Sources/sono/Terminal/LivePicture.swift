import Failures
import Foundation
import Glibc

/// A text that is drawn over and over: on a terminal in the same place, elsewhere one after the other.
///
/// The terminal is asked for nothing that would have to be taken back, so that it is as it was however this ends.
struct LivePicture {
    /// The lengths of the lines that were drawn last.
    private var drawn: [Int] = []
    private var isFirst = true

    mutating func show(_ text: String) throws {
        defer { isFirst = false }
        guard Terminal.outputIsTerminal else {
            let time = Date().ISO8601Format()
            return try Output.print((isFirst ? "" : "\n") + "\(time)\n\(text)")
        }
        let (columns, rows) = Terminal.size
        // What was drawn may take more rows since, if the window has become narrower.
        let above = drawn.reduce(0) { $0 + max(1, ($1 + columns - 1) / columns) }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            Terminal.cut(String($0), to: columns)
        }
        if lines.count > rows - 1 { lines = lines.prefix(max(1, rows - 2)) + ["…"] }
        drawn = lines.map(Terminal.width)
        var output = Output()
        // One write, so that nobody sees half of it: up to the first line, then each line and what is left of the old one.
        if above > 0 { try output.write("\u{1B}[\(above)A\r") }
        for line in lines { try output.write("\(line)\u{1B}[K\n") }
        try output.write("\u{1B}[J")
        try output.flush()
    }
}
