/// A weight matrix `W`, `[outputs, inputs]`, laid out once for the product `x Wᵀ`.
public struct PackedMatrix<S: KernelScalar>: Sendable {
    public let outputs: Int
    public let inputs: Int
    private let storage: [S]
    /// Where the panels begin: at a cache line, which saves split loads. Nothing but speed depends on it.
    private let offset: Int

    /// - Parameter weight: row-major, `[outputs, inputs]`.
    public init(_ weight: [S], outputs: Int, inputs: Int) {
        precondition(weight.count == outputs * inputs, "a weight matrix has outputs times inputs elements")
        self.outputs = outputs
        self.inputs = inputs
        let line = 64 / MemoryLayout<S>.stride
        var storage = [S](repeating: 0, count: S.packedCount(n: outputs, k: inputs) + line)
        var offset = 0
        storage.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            let misaligned = Int(bitPattern: base) % 64 / MemoryLayout<S>.stride
            offset = (line - misaligned) % line
            weight.withUnsafeBufferPointer { weight in
                guard let source = weight.baseAddress, outputs * inputs > 0 else { return }
                S.pack(n: outputs, k: inputs, source, transposed: true, into: base + offset)
            }
        }
        self.storage = storage
        self.offset = offset
    }

    /// A row of matrices side by side, `[outputs, Σ inputs]`, each padded with zero columns to whole panels, as
    /// `TileLayer` reads it.
    ///
    /// - Parameter blocks: row-major weights, `[outputs, inputs]`, rounded to `S` here.
    package init(blocks: [(weight: [Double], inputs: Int)], outputs: Int) {
        let padded = blocks.map { Tile<S>.padded($0.inputs) }
        let inputs = padded.reduce(0, +)
        var weight = [S](repeating: 0, count: outputs * inputs)
        var column = 0
        for (block, width) in zip(blocks, padded) {
            precondition(block.weight.count == outputs * block.inputs, "a block has outputs times inputs elements")
            for row in 0..<outputs {
                for i in 0..<block.inputs {
                    weight[row * inputs + column + i] = S(block.weight[row * block.inputs + i])
                }
            }
            column += width
        }
        self.init(weight, outputs: outputs, inputs: inputs)
    }

    /// Where the packed panels are, for the time of a call.
    package func withPanels<Result>(_ body: (UnsafePointer<S>?) -> Result) -> Result {
        storage.withUnsafeBufferPointer { body($0.baseAddress.map { $0 + offset }) }
    }

    /// `y (+)= x Wᵀ`, with `x` `[rows, inputs]` and `y` `[rows, outputs]`.
    public func multiply(
        _ x: UnsafePointer<S>, rows: Int, into y: UnsafeMutablePointer<S>, accumulating: Bool = false
    ) {
        storage.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            S.multiplyPacked(
                m: rows, n: outputs, k: inputs, x, base + offset, into: y, accumulating: accumulating)
        }
    }
}
