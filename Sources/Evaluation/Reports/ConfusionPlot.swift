import Foundation

/// A confusion matrix as SVG: a cell for each pair that occurs, the darker the larger its share of the row's class.
struct ConfusionPlot {
    let matrix: ConfusionMatrix
    let names: [String]
    /// Classes that a picture can hold.
    static let most = 60

    /// The classes shown, in the model's order: all, or those with most mistakes.
    private var shown: [Int] {
        guard names.count > Self.most else { return Array(names.indices) }
        func mistakes(_ label: Int) -> Int { matrix.support[label] - matrix[label, label] }
        return Array(names.indices.sorted { (mistakes($1), $0) < (mistakes($0), $1) }.prefix(Self.most)).sorted()
    }

    var caption: String {
        let all =
            "Rows: what it is; columns: what it was taken for. Blue: right, orange: wrong, as a share of the class."
        return names.count > Self.most ? "\(all) The \(Self.most) classes with most mistakes." : all
    }

    var svg: String {
        let classes = shown
        let (margin, side) = (104.0, 600.0)
        let step = side / Double(max(1, classes.count))
        let letters = min(11, max(6, step * 0.8))
        let whole = Int(margin + side + 6)
        func number(_ value: Double) -> String { String(format: "%.1f", value) }
        var body = "<rect class=rule x=\"\(margin)\" y=\"\(margin)\" width=\"\(side)\" height=\"\(side)\"/>"
        for (place, label) in classes.enumerated() {
            let name = HTMLPage.escaped(Self.short(names[label]))
            let middle = number(margin + (Double(place) + 0.5) * step)
            let size = number(letters)
            body +=
                "<text x=\"\(margin - 5)\" y=\"\(middle)\" dy=\".35em\" text-anchor=end style=\"font-size:\(size)px\">"
                + "\(name)</text><text transform=\"translate(\(middle) \(margin - 5)) rotate(-90)\" dy=\".35em\" "
                + "style=\"font-size:\(size)px\">\(name)</text>"
            for (other, predicted) in classes.enumerated() where matrix[label, predicted] > 0 {
                let rows = matrix[label, predicted]
                let share = Double(rows) / Double(matrix.support[label])
                let title = HTMLPage.escaped(
                    "\(names[label]) taken for \(names[predicted]): \(rows) of \(matrix.support[label])")
                body +=
                    "<rect class=\"cell\(label == predicted ? " own" : "")\" x=\"\(number(margin + Double(other) * step))\" "
                    + "y=\"\(number(margin + Double(place) * step))\" width=\"\(number(step))\" "
                    + "height=\"\(number(step))\" fill-opacity=\"\(String(format: "%.2f", max(0.08, share.squareRoot())))\">"
                    + "<title>\(title)</title></rect>"
            }
        }
        return "<svg role=img viewBox=\"0 0 \(whole) \(whole)\"><title>Confusion matrix</title>\(body)</svg>"
    }

    private static func short(_ name: String) -> String {
        name.count > 16 ? "\(name.prefix(15))…" : name
    }
}
