/// Zero-shot classification: one unit vector per class, and a row belongs to the class of the largest cosine; classes
/// without a usable prompt are no answer.
///
/// The prototype of a class is normalise(mean of its unit prompt embeddings), the start of every text-initialised
/// classifier (Lin et al., CVPR 2023).
public struct Prototypes: Sendable {
    public let classes: Int
    public let dimension: Int
    /// `[C, D]`, unit rows; zero rows for classes without a usable prompt.
    public let vectors: [Float]
    /// The classes without a usable prompt, ascending.
    public let missing: [Int]

    private let present: [Int]

    /// - Parameters:
    ///   - prompts: `[P, D]`, any length; rows of zero or non-finite length are left out.
    ///   - labels: the class of each prompt, `[P]`; a label outside `0..<classes` is left out.
    public init(prompts: [Float], labels: [Int], classes: Int, dimension: Int) {
        var sums = [Double](repeating: 0, count: classes * dimension)
        for (row, label) in labels.enumerated() where (0..<classes).contains(label) {
            let prompt = prompts[row * dimension..<(row + 1) * dimension]
            let norm = Self.norm(prompt)
            guard norm > 0, norm.isFinite else { continue }
            for (column, value) in prompt.enumerated() { sums[label * dimension + column] += Double(value) / norm }
        }
        var vectors = [Float](repeating: 0, count: classes * dimension)
        var (present, missing): ([Int], [Int]) = ([], [])
        for label in 0..<classes {
            let span = label * dimension..<(label + 1) * dimension
            let norm = sums[span].reduce(0) { $0 + $1 * $1 }.squareRoot()
            guard norm > 0 else {
                missing.append(label)
                continue
            }
            present.append(label)
            for index in span { vectors[index] = Float(sums[index] / norm) }
        }
        self.classes = classes
        self.dimension = dimension
        self.vectors = vectors
        self.missing = missing
        self.present = present
    }

    /// The class of the largest cosine for each row of `[n, D]`, the first of equals; -1 where a row has no direction or
    /// no class has a prompt.
    ///
    /// Cost: n C D multiplications.
    public func predictions(_ embeddings: [Float]) -> [Int] {
        guard dimension > 0 else { return [] }
        return embeddings.withUnsafeBufferPointer { rows in
            vectors.withUnsafeBufferPointer { vectors in
                (0..<rows.count / dimension).map { row in
                    nearest(UnsafeBufferPointer(rebasing: rows[row * dimension..<(row + 1) * dimension]), vectors)
                }
            }
        }
    }

    private func nearest(_ row: UnsafeBufferPointer<Float>, _ vectors: UnsafeBufferPointer<Float>) -> Int {
        let norm = Self.norm(row)
        guard norm > 0, norm.isFinite else { return -1 }
        var best = -1
        var highest = -Double.infinity
        for label in present {
            var cosine = 0.0
            for column in 0..<dimension { cosine += Double(row[column]) * Double(vectors[label * dimension + column]) }
            if cosine > highest { (best, highest) = (label, cosine) }
        }
        return best
    }

    private static func norm(_ vector: some Collection<Float>) -> Double {
        vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
}
