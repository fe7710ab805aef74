/// What stands in a tensor file, from its checked header.
package struct TensorHeader: Sendable {
    package enum Format: String, Sendable {
        case safetensors
        case npy
    }

    package var format: Format
    package var metadata: [String: String] = [:]
    /// In the order of their bytes; together they cover the payload exactly.
    package var entries: [TensorEntry]
    /// Bytes before the payload, with the magic or length in front.
    package var headerBytes: Int
    package var payloadBytes: Int { entries.last?.span.upperBound ?? 0 }

    package func entry(_ name: String) -> TensorEntry? {
        entries.first { $0.name == name }
    }

    /// `size * shape[0] * shape[1] * …`, or nil where that overflows.
    static func byteCount(_ shape: [Int], size: Int) -> Int? {
        // A zero anywhere makes the product zero, but the other factors must still be sane.
        var total = size
        for dimension in shape {
            let (product, overflow) = total.multipliedReportingOverflow(by: max(1, dimension))
            if overflow { return nil }
            total = product
        }
        return shape.contains(0) ? 0 : total
    }
}
