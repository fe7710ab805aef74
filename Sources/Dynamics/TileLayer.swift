/// One layer over a tile, with what is made of its result while it is still at hand:
///
///     y = act(x Wᵀ + row + Σ before) + Σ after        then for each update        z = factor · y + Σ terms
///
/// with `x` `[rows, inputs]`, `y` and all other tiles `[rows, outputs]`. Tiles are named by where they begin in the worker's
/// memory. Costs `2 · inputs · outputs` floating-point operations a row for the product.
public struct TileLayer<S: KernelScalar>: Sendable {
    /// A tile times a number.
    public typealias Term = (tile: Int, factor: Double)
    /// `z = factor · y + Σ terms`; `z` may be one of its terms, but not the input.
    public typealias Update = (target: Int, factor: Double, terms: [Term])

    let weight: PackedMatrix<S>?
    /// Which of the weight's inputs are used, padded.
    let inputs: Range<Int>
    let input: Int
    let outputs: Int
    let output: Int
    let row: [S]
    let activation: Activation?
    /// The sums, flat: before, after, and each update with `y` and its target as first term.
    let counts: [Int]
    let offsets: [Int]
    let factors: [S]

    /// - Parameters:
    ///   - weight: `W`, made of blocks; nil for no product.
    ///   - inputs: which of its padded inputs are used; nil for all. The first stands at `input`.
    ///   - row: `[outputs]`, the same for all rows.
    public init(
        weight: PackedMatrix<S>? = nil, inputs: Range<Int>? = nil, input: Int = 0, outputs: Int, output: Int,
        row: [Double]? = nil, activation: Activation? = nil, before: [Term] = [], after: [Term] = [],
        updates: [Update] = []
    ) {
        self.weight = weight
        self.inputs = weight.map { inputs ?? 0..<$0.inputs } ?? 0..<0
        self.input = input
        self.outputs = outputs
        self.output = output
        self.activation = activation
        var padded = [S](repeating: 0, count: Tile<S>.padded(outputs))
        for (i, value) in (row ?? []).enumerated() { padded[i] = S(value) }
        self.row = padded
        let sums = [before, after] + updates.map { [(tile: $0.target, factor: $0.factor)] + $0.terms }
        counts = sums.map(\.count)
        offsets = sums.joined().map(\.tile)
        factors = sums.joined().map { S($0.factor) }
        precondition(weight.map { $0.outputs == outputs } ?? true, "the weight has the layer's outputs")
    }

    public func compute(rows: Int, memory: UnsafeMutablePointer<S>) {
        S.compute(self, rows: rows, memory: memory)
    }

    /// Numbers from one packed panel of the weight to the next.
    var panelStride: Int { (weight?.inputs ?? 0) * S.panel }

    /// The parts as a kernel reads them.
    func withPointers(
        _ body: (
            _ panels: UnsafePointer<S>?, _ row: UnsafePointer<S>?, _ counts: UnsafePointer<Int>?,
            _ offsets: UnsafePointer<Int>?, _ factors: UnsafePointer<S>?
        ) -> Void
    ) {
        func call(_ panels: UnsafePointer<S>?) {
            row.withUnsafeBufferPointer { row in
                counts.withUnsafeBufferPointer { counts in
                    offsets.withUnsafeBufferPointer { offsets in
                        factors.withUnsafeBufferPointer { factors in
                            body(
                                panels, row.baseAddress, counts.baseAddress, offsets.baseAddress, factors.baseAddress)
                        }
                    }
                }
            }
        }
        guard let weight else { return call(nil) }
        weight.withPanels(call)
    }
}
