import Foundation

enum Figures {
    /// At once, also into a file: it takes long, and may be ended.
    static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    static func seconds(_ duration: Duration) -> String { String(format: "%.1f s", duration / .seconds(1)) }

    static func milliseconds(_ duration: Duration) -> String { String(format: "%9.2f", duration / .milliseconds(1)) }

    static func quantile(_ times: [Duration], _ share: Double) -> Duration {
        let sorted = times.sorted()
        return sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }

    static func line(_ name: String, _ columns: [Duration]...) -> String {
        name.padding(toLength: 34, withPad: " ", startingAt: 0)
            + columns.map { milliseconds(quantile($0, 0.5)) + " " + milliseconds(quantile($0, 0.99)) }
            .joined(separator: "      ")
    }

    static func size(_ path: String) -> Int {
        ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int ?? 0) >> 20
    }
}
