/// Prometheus' text format, version 0.0.4: families one after the other, each with its help and type.
package struct MetricsText {
    package typealias Labels = [(name: String, value: String)]

    package private(set) var text = ""

    package init() {}

    /// A family of which there is nothing to say is left out.
    package mutating func gauge(_ name: String, _ help: String, _ samples: [(Labels, Double)]) {
        family(name, "gauge", help, samples)
    }

    package mutating func gauge(_ name: String, _ help: String, _ value: Double?) {
        gauge(name, help, value.map { [([], $0)] } ?? [])
    }

    package mutating func counter(_ name: String, _ help: String, _ samples: [(Labels, Double)]) {
        family(name, "counter", help, samples)
    }

    package mutating func histogram(_ name: String, _ help: String, _ samples: [(Labels, Histogram)]) {
        guard !samples.isEmpty else { return }
        head(name, "histogram", help)
        for (labels, histogram) in samples {
            var sum = 0
            for (bound, count) in zip(Histogram.bounds.map(Self.number) + ["+Inf"], histogram.counts) {
                sum += count
                line("\(name)_bucket", labels + [("le", bound)], Double(sum))
            }
            line("\(name)_sum", labels, histogram.sum)
            line("\(name)_count", labels, Double(histogram.count))
        }
    }

    /// A summary without quantiles: over any time, the increase of its sum by that of its count is the average.
    package mutating func average(_ name: String, _ help: String, _ samples: [(Labels, sum: Double, count: Int)]) {
        guard !samples.isEmpty else { return }
        head(name, "summary", help)
        for (labels, sum, count) in samples {
            line("\(name)_sum", labels, sum)
            line("\(name)_count", labels, Double(count))
        }
    }

    private mutating func family(_ name: String, _ type: String, _ help: String, _ samples: [(Labels, Double)]) {
        guard !samples.isEmpty else { return }
        head(name, type, help)
        for (labels, value) in samples { line(name, labels, value) }
    }

    private mutating func head(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private mutating func line(_ name: String, _ labels: Labels, _ value: Double) {
        let inner = labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        text += "\(name)\(inner.isEmpty ? "" : "{\(inner)}") \(Self.number(value))\n"
    }

    /// A backslash before a backslash, a quotation mark and a line's end, which would end the value.
    static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
    }
}
