import Foundation

/// A plot as SVG: points, lines and words in data coordinates.
struct Plot {
    /// How numbers become places.
    struct Axis {
        let label: String
        let low: Double
        let high: Double
        var isLogarithmic = false
        /// Names instead of numbers, at 0, 1, 2, ...
        var names: [String] = []
        /// Without ticks.
        var isBare = false

        /// An axis that holds all values, with a little air.
        static func around(_ values: [Double], _ label: String, isLogarithmic: Bool = false) -> Axis {
            let finite = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
            guard let low = finite.min(), let high = finite.max() else { return Axis(label: label, low: 0.1, high: 1) }
            if isLogarithmic { return Axis(label: label, low: low / 1.3, high: high * 1.3, isLogarithmic: true) }
            // Equal values stand in the middle of an axis that can be read.
            let air = high > low ? (high - low) * 0.08 : max(abs(low) * 0.05, 0.5)
            return Axis(label: label, low: low - air, high: high + air)
        }

        /// An axis of that many things, at 0, 1, 2, ..., which are named in the plot.
        static func places(_ count: Int) -> Axis {
            Axis(label: "", low: -0.6, high: Double(count) - 0.4, isBare: true)
        }

        /// 0 to 1 along the axis.
        func share(_ value: Double) -> Double {
            isLogarithmic ? log(value / low) / log(high / low) : (value - low) / (high - low)
        }

        var ticks: [(value: Double, text: String)] {
            if isBare { return [] }
            if !names.isEmpty { return names.enumerated().map { (Double($0), $1) } }
            if isLogarithmic {
                let decades = stride(from: floor(log10(low)), through: ceil(log10(high)), by: 1).map { pow(10, $0) }
                let fine = decades.flatMap { [$0, 2 * $0, 5 * $0] }.filter { $0 >= low && $0 <= high }
                let few = fine.count > 9 ? decades.filter { $0 >= low && $0 <= high } : fine
                return few.map { ($0, Self.text($0)) }
            }
            let rough = (high - low) / 5
            let power = pow(10, floor(log10(rough)))
            let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
            return stride(from: (low / step).rounded(.up) * step, through: high, by: step).map { ($0, Self.text($0)) }
        }

        private static func text(_ value: Double) -> String {
            if abs(value) >= 1e6 { return "\(text(value / 1e6))M" }
            if abs(value) >= 1e4 { return "\(text(value / 1e3))k" }
            let text = String(format: "%.6g", (value * 1e9).rounded() / 1e9)
            return text == "-0" ? "0" : text
        }
    }

    private let title: String
    private let x: Axis
    private let y: Axis
    private var body = ""
    private let width = 720.0
    private let height = 400.0
    private let left = 56.0
    private let right: Double
    private let bottom = 48.0
    private let top = 14.0

    /// - Parameter room: for words at the right end of lines.
    init(title: String, x: Axis, y: Axis, room: Double = 16) {
        self.title = title
        self.x = x
        self.y = y
        right = room
    }

    private func place(_ px: Double, _ py: Double) -> (Double, Double) {
        (
            left + x.share(px) * (width - left - right),
            height - bottom - y.share(py) * (height - bottom - top)
        )
    }

    private func number(_ value: Double) -> String { String(format: "%.1f", value) }

    mutating func line(_ points: [(Double, Double)], isOwn: Bool = false, dashes: Bool = false) {
        let path = points.map { px, py in
            let (a, b) = place(px, py)
            return "\(number(a)),\(number(b))"
        }.joined(separator: " ")
        let dash = dashes ? " stroke-dasharray=\"4 4\"" : ""
        body += "<polyline class=\"path\(isOwn ? " own" : "")\"\(dash) points=\"\(path)\"/>"
    }

    mutating func dot(_ px: Double, _ py: Double, isOwn: Bool = false, radius: Double = 3.5, title: String = "") {
        let (a, b) = place(px, py)
        body +=
            "<circle class=\"dot\(isOwn ? " own" : "")\" cx=\"\(number(a))\" cy=\"\(number(b))\" r=\"\(radius)\">"
            + "<title>\(HTMLPage.escaped(title))</title></circle>"
    }

    /// An interval from `low` to `high`.
    mutating func whisker(_ px: Double, _ low: Double, _ high: Double, isOwn: Bool = false) {
        line([(px, low), (px, high)], isOwn: isOwn)
    }

    /// A way through the plot with a mark at its end, both of one kind.
    mutating func way(_ points: [(Double, Double)], _ mark: Mark, title: String) {
        guard let end = points.last else { return }
        let path = points.map { px, py in
            let (a, b) = place(px, py)
            return "\(number(a)),\(number(b))"
        }.joined(separator: " ")
        let (a, b) = place(end.0, end.1)
        body +=
            "<g class=\"way \(mark.rawValue)\"><title>\(HTMLPage.escaped(title))</title><polyline points=\"\(path)\"/>"
            + "\(mark.shape(a, b))</g>"
    }

    /// Told apart by form as well as by colour.
    enum Mark: String {
        case kept
        case gained
        case lost
        case missed

        func shape(_ x: Double, _ y: Double) -> String {
            func points(_ offsets: [(Double, Double)]) -> String {
                let text = offsets.map { String(format: "%.1f,%.1f", x + $0.0, y + $0.1) }.joined(separator: " ")
                return "<polygon points=\"\(text)\"/>"
            }
            return switch self {
            case .kept, .missed: String(format: "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.8\"/>", x, y)
            case .gained: points([(0, -5), (4.5, 3.5), (-4.5, 3.5)])
            case .lost: points([(0, 5), (4.5, -3.5), (-4.5, -3.5)])
            }
        }
    }

    /// Names of points, each beside its own where there is room: right, left, above, below, then farther away.
    ///
    /// - Parameter others: points without a name that names must not cover.
    mutating func labels(
        _ labels: [(text: String, x: Double, y: Double, isOwn: Bool)], clearOf others: [(Double, Double)] = []
    ) {
        typealias Box = (x: Double, y: Double, width: Double, height: Double)
        func overlap(_ a: Box, _ b: Box) -> Bool {
            a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
        }
        let places = labels.map { place($0.x, $0.y) }
        var taken: [Box] = (places + others.map { place($0.0, $0.1) }).map { ($0.0 - 4, $0.1 - 4, 8, 8) }
        for (label, (a, b)) in zip(labels, places) {
            let room = 6.6 * Double(label.text.count)
            let offsets: [(Double, Double)] = (0..<6).flatMap { far -> [(Double, Double)] in
                let away = 13 * Double(far)
                return [
                    (7, 4 + away), (7, 4 - away), (-7 - room, 4 + away), (-7 - room, 4 - away), (-room / 2, -8 - away),
                    (-room / 2, 17 + away),
                ]
            }
            func box(_ offset: (Double, Double)) -> Box { (a + offset.0, b + offset.1 - 11, room, 14) }
            let free = offsets.first { offset in
                let own = box(offset)
                let isInside =
                    own.x > left && own.x + own.width < width && own.y > 0 && own.y + own.height < height - bottom
                return isInside && !taken.contains { overlap($0, own) }
            }
            let offset = free ?? offsets[0]
            taken.append(box(offset))
            body +=
                "<text\(label.isOwn ? " class=own" : "") x=\"\(number(a + offset.0))\" "
                + "y=\"\(number(b + offset.1))\">\(HTMLPage.escaped(label.text))</text>"
        }
    }

    mutating func words(_ text: String, _ px: Double, _ py: Double, isOwn: Bool = false, below: Double = 4) {
        let (a, b) = place(px, py)
        body +=
            "<text\(isOwn ? " class=own" : "") x=\"\(number(a + 7))\" y=\"\(number(b + below))\">"
            + "\(HTMLPage.escaped(text))</text>"
    }

    /// Words at the right end of lines, pushed apart so that they can be read.
    mutating func endLabels(_ labels: [(text: String, y: Double, isOwn: Bool)]) {
        var last = -Double.infinity
        for label in labels.sorted(by: { $0.y > $1.y }) {
            let (a, b) = place(x.high, label.y)
            let at = max(b, last + 13)
            last = at
            body +=
                "<text\(label.isOwn ? " class=own" : "") x=\"\(number(a + 6))\" y=\"\(number(at + 4))\">"
                + "\(HTMLPage.escaped(label.text))</text>"
        }
    }

    var svg: String {
        var frame = ""
        for tick in y.ticks {
            let (a, b) = place(x.low, tick.value)
            frame +=
                "<line class=rule x1=\"\(number(a))\" x2=\"\(number(width - right))\" y1=\"\(number(b))\" "
                + "y2=\"\(number(b))\"/><text x=\"\(number(a - 8))\" y=\"\(number(b + 4))\" text-anchor=end>"
                + "\(HTMLPage.escaped(tick.text))</text>"
        }
        for tick in x.ticks {
            let (a, _) = place(tick.value, y.low)
            frame +=
                "<text x=\"\(number(a))\" y=\"\(number(height - bottom + 18))\" text-anchor=middle>"
                + "\(HTMLPage.escaped(tick.text))</text>"
        }
        frame +=
            "<text x=\"\(number((left + width - right) / 2))\" y=\"\(number(height - 8))\" text-anchor=middle>"
            + "\(HTMLPage.escaped(x.label))</text>"
            + "<text transform=\"translate(13 \(number((height - bottom + top) / 2))) rotate(-90)\" text-anchor=middle>"
            + "\(HTMLPage.escaped(y.label))</text>"
        return "<svg role=img viewBox=\"0 0 \(Int(width)) \(Int(height))\"><title>\(HTMLPage.escaped(title))</title>"
            + "\(frame)\(body)</svg>"
    }
}
