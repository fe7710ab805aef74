/// The matrices of a hidden-space form, packed, and its constant rows.
struct HiddenWeights<S: KernelScalar> {
    private let shape: HiddenShape
    private let field: FieldWeights<S>
    private let network: VelocityNetwork<S>?
    private let products: HiddenProducts
    /// `V1`
    private let networkInput: PackedMatrix<S>?
    /// `V2`
    private let networkOutput: PackedMatrix<S>?
    /// `[Wx | Wv]`, or `[Wx | Wv V2]`
    private let origin: PackedMatrix<S>
    /// `Wx V2`, where the network is folded in.
    private let drift: PackedMatrix<S>?
    /// `[F | G]`
    private let stage: PackedMatrix<S>
    /// `Wx c2` and `Wv c2`, where the network is folded in.
    private let driftBias: [Double]
    private let pushBias: [Double]

    init(field: FieldWeights<S>, network: VelocityNetwork<S>?, shape: HiddenShape, products: HiddenProducts) {
        self.shape = shape
        self.field = field
        self.network = network
        self.products = products
        let (d, h, g) = (shape.dimension, shape.hidden, shape.networkWidth)
        func wide(_ values: [S]) -> [Double] { values.map { Double($0) } }
        let position = wide(field.positionWeight)
        let velocity = shape.readsVelocity ? wide(field.velocityWeight) : []

        networkInput = network.map { PackedMatrix(blocks: [(wide($0.inputWeight), d)], outputs: g) }
        networkOutput =
            shape.foldsNetwork ? nil : network.map { PackedMatrix(blocks: [(wide($0.outputWeight), g)], outputs: d) }
        let folded = shape.foldsNetwork ? network : nil
        func folding(_ weight: [Double]) -> (matrix: [Double], bias: [Double]) {
            guard let folded, !weight.isEmpty else { return (weight, []) }
            return (
                HiddenProducts.product(weight, wide(folded.outputWeight), m: h, k: d, n: g),
                HiddenProducts.product(weight, wide(folded.outputBias), m: h, k: d, n: 1)
            )
        }
        let start = shape.startWidth
        let push = start > 0 ? folding(velocity) : ([], [])
        pushBias = push.1
        origin = PackedMatrix(blocks: [(position, d)] + (push.0.isEmpty ? [] : [(push.0, start)]), outputs: h)
        let drift = folding(position)
        driftBias = drift.bias
        self.drift = folded == nil ? nil : PackedMatrix(blocks: [(drift.matrix, start)], outputs: h)
        stage = PackedMatrix(
            blocks: [(products.position, h)] + (shape.readsVelocity ? [(products.velocity, h)] : []), outputs: h)
    }

    func layer(_ plan: HiddenPlan.Layer, activation: Activation) -> TileLayer<S> {
        let (weight, inputs) = weight(plan.product)
        return TileLayer(
            weight: weight, inputs: inputs, input: plan.input, outputs: plan.outputs, output: plan.output,
            row: row(plan.row), activation: plan.activates ? activation : nil, before: plan.before, after: plan.after,
            updates: plan.updates)
    }

    private func weight(_ product: HiddenPlan.Product) -> (PackedMatrix<S>?, Range<Int>?) {
        let width = Tile<S>.padded(shape.dimension)
        let hidden = Tile<S>.padded(shape.hidden)
        switch product {
        case .none: return (nil, nil)
        case .network: return (networkInput, nil)
        case .networkOutput: return (networkOutput, nil)
        case .origin(let withVelocity): return (origin, withVelocity ? nil : 0..<width)
        case .drift: return drift.map { ($0, nil) } ?? (origin, 0..<width)
        case .push: return (origin, width..<origin.inputs)
        case .stage(let position, let velocity):
            return (stage, (position ? 0 : hidden)..<(velocity ? 2 * hidden : hidden))
        case .output(let nu):
            let output = (field.outputWeight.map { Double($0) }, shape.hidden)
            guard shape.foldsNetwork, let network else {
                return (PackedMatrix(blocks: [output], outputs: shape.dimension), nil)
            }
            let start = (network.outputWeight.map { nu * Double($0) }, shape.networkWidth)
            return (PackedMatrix(blocks: [start, output], outputs: shape.dimension), nil)
        }
    }

    private func row(_ row: HiddenPlan.Row) -> [Double]? {
        func combined(_ base: [S]?, _ terms: [(Double, [Double])]) -> [Double] {
            var result = base?.map { Double($0) } ?? []
            for (factor, x) in terms where !x.isEmpty && factor != 0 {
                if result.isEmpty { result = [Double](repeating: 0, count: x.count) }
                for i in x.indices { result[i] += factor * x[i] }
            }
            return result
        }
        func wide(_ values: [S]) -> [Double] { values.map { Double($0) } }
        switch row {
        case .none: return nil
        case .networkBias: return network.map { wide($0.inputBias) }
        case .networkOutputBias: return network.map { wide($0.outputBias) }
        case .stage(let at, let time):
            return combined(
                field.bias,
                [
                    (time, wide(field.timeWeight)), (at.xi, products.positionBias), (at.eta, products.velocityBias),
                    (at.nu, driftBias), (at.mu, pushBias),
                ])
        case .output(let at):
            let outputBias = shape.foldsNetwork ? network.map { wide($0.outputBias) } ?? [] : []
            return combined(nil, [(at.xi, wide(field.outputBias)), (at.nu, outputBias)])
        }
    }
}
