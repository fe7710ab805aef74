/// Rows of length 1, and gradients through making them so.
enum UnitRows {
    /// Makes every row of `[n, D]` a unit row; returns the lengths before.
    static func normalise(_ rows: inout [Float], dimension d: Int) -> [Float] {
        rows.withUnsafeMutableBufferPointer { rows in
            (0..<rows.count / d).map { row in
                let range = row * d..<(row + 1) * d
                var square: Float = 0
                for i in range { square += rows[i] * rows[i] }
                let norm = max(square.squareRoot(), .leastNormalMagnitude)
                for i in range { rows[i] /= norm }
                return norm
            }
        }
    }

    /// Turns the gradient by `u = w / |w|` into that by `w`: `(g - (g · u) u) / |w|`.
    static func pullBack(_ gradient: inout [Float], unit: [Float], norms: [Float], dimension d: Int) {
        for (row, norm) in norms.enumerated() {
            var along: Float = 0
            for i in row * d..<(row + 1) * d { along += gradient[i] * unit[i] }
            for i in row * d..<(row + 1) * d { gradient[i] = (gradient[i] - along * unit[i]) / norm }
        }
    }
}
