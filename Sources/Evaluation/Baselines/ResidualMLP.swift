import Dynamics
import Refinement
import Training

/// A residual network in the equation's place, under the same recipe:
///
///     u = W3 tanh(W2 tanh(W1 x + b1) + b2) + b3        logits = s normalise(x + u) · normalise(Wc)ᵀ
///
/// with two hidden layers of H, as wide as gives them the parameters of the model's field and velocity network. `W3` and
/// `b3` start at 0, `Wc` at the prototypes; prompts are rows with noise, and `|u|²` has the penalty of `|x(T) - x0|²`. Both
/// trials of the recipe are made, over all rows at once.
///
/// Source: the recipe's, see `TrainingOptions`. Cost: 6 (N + M) (2 D H + H²) multiplications an epoch.
struct ResidualMLP {
    private let problem: FewShotProblem
    private let options: TrainingOptions
    private let shape: Shape
    /// Of support rows, then prompts: their labels, and what each weighs in the loss.
    private let labels: [Int]
    private let weights: [Float]

    static func method(_ options: TrainingOptions) -> BaselineMethod {
        let trials = [options, options.bolder]
        let grid = trials.flatMap { trial in
            GradientRun.looks(trial.epochs, BaselineMethod.trials / 2).map { ["epoch": $0, "scale": trial.logitScale] }
        }
        let usual = ["epoch": Double(options.epochs), "scale": options.logitScale]
        return BaselineMethod(grid: grid, usual: usual) { problem, settings, visit in
            for run in GradientRun.byRun(settings) {
                guard let trial = trials.first(where: { $0.logitScale == run.settings["scale"] }) else { continue }
                let network = ResidualMLP(problem, trial)
                network.train(run.looks) { epoch, parameters in
                    var settings = run.settings
                    settings["epoch"] = Double(epoch)
                    visit(settings, network.head(parameters))
                }
            }
        }
    }

    private init(_ problem: FewShotProblem, _ options: TrainingOptions) {
        self.problem = problem
        self.options = options
        let (n, m) = (problem.labels.count, problem.promptLabels.count)
        shape = Shape(
            classes: problem.classes, dimension: problem.dimension,
            hidden: Shape.hidden(
                parameters: options.fieldParameters(dimension: problem.dimension), dimension: problem.dimension))
        labels = problem.labels + problem.promptLabels
        weights =
            [Float](repeating: 1 / Float(n), count: n)
            + [Float](repeating: Float(options.textWeight) / Float(m), count: m)
    }

    private func train(_ looks: [Int], _ visit: (Int, [Float]) -> Void) {
        let support = problem.support.map(Float.init)
        var noise = SplitMix64(seed: options.seed ^ 0x7465_7874_6173_696D)
        let training = GradientRun(epochs: options.epochs, groups: groups) { parameters in
            gradient(parameters, rows: support + noisyPrompts(&noise))
        }
        training.run(from: start, looks: looks, visit)
    }

    private var groups: [AdamW.Group] {
        Shape.Part.allCases.map { part in
            switch part {
            case .first, .second, .third:
                AdamW.Group(range: shape[part], rate: options.fieldRate, decay: options.weightDecay)
            case .firstBias, .secondBias, .thirdBias:
                AdamW.Group(range: shape[part], rate: options.fieldRate, decay: 0)
            case .classifier: AdamW.Group(range: shape[part], rate: options.classifierRate, decay: 0)
            }
        }
    }

    private var start: [Float] {
        var generator = SplitMix64(seed: options.seed)
        var parameters = [Float](repeating: 0, count: shape.count)
        func fill(_ part: Shape.Part, spread: Double) {
            for i in shape[part] { parameters[i] = Float((2 * generator.uniform() - 1) * 3.0.squareRoot() * spread) }
        }
        fill(.first, spread: options.initialSpread)
        fill(.second, spread: 1 / Double(shape.hidden).squareRoot())
        for (i, value) in zip(shape[.classifier], problem.prototypes) { parameters[i] = Float(value) }
        return parameters
    }

    private func noisyPrompts(_ generator: inout SplitMix64) -> [Float] {
        let size = options.textNoise / Double(shape.d).squareRoot()
        var rows = problem.prompts.map { Float($0 + size * generator.gaussian()) }
        _ = UnitRows.normalise(&rows, dimension: shape.d)
        return rows
    }

    private func product(_ a: [Float], _ b: [Float], _ rows: Int, _ inner: Int, _ columns: Int) -> [Float] {
        Matrices.product(a, b, rows: rows, inner: inner, columns: columns, threads: problem.threads)
    }

    /// `x Wᵀ + b`
    private func layer(_ x: [Float], _ weight: [Float], _ bias: [Float], rows: Int, inputs: Int) -> [Float] {
        let outputs = bias.count
        var y = product(x, Matrices.transposed(weight, rows: outputs, columns: inputs), rows, inputs, outputs)
        for i in y.indices { y[i] += bias[i % outputs] }
        return y
    }

    private func gradient(_ parameters: [Float], rows x: [Float]) -> [Float] {
        let (c, d, h, n) = (shape.c, shape.d, shape.hidden, labels.count)
        func part(_ part: Shape.Part) -> [Float] { Array(parameters[shape[part]]) }
        let (second, third) = (part(.second), part(.third))
        var classifier = part(.classifier)
        let lengths = UnitRows.normalise(&classifier, dimension: d)

        let a1 = Self.tanh(layer(x, part(.first), part(.firstBias), rows: n, inputs: d))
        let a2 = Self.tanh(layer(a1, second, part(.secondBias), rows: n, inputs: h))
        let u = layer(a2, third, part(.thirdBias), rows: n, inputs: h)
        var y = zip(x, u).map { $0 + $1 }
        let norms = UnitRows.normalise(&y, dimension: d)
        let scale = Float(options.logitScale)
        var z = product(y, Matrices.transposed(classifier, rows: c, columns: d), n, d, c).map { scale * $0 }
        GradientRun.crossEntropy(&z, labels: labels, classes: c, weights: weights)
        for i in z.indices { z[i] *= scale }

        var byClassifier = product(Matrices.transposed(z, rows: n, columns: c), y, c, n, d)
        UnitRows.pullBack(&byClassifier, unit: classifier, norms: lengths, dimension: d)
        var slope = product(z, classifier, n, c, d)
        UnitRows.pullBack(&slope, unit: y, norms: norms, dimension: d)
        let penalty = Float(2 * options.penalty / Double(n))
        for i in slope.indices { slope[i] += penalty * u[i] }
        let byThird = product(Matrices.transposed(slope, rows: n, columns: d), a2, d, n, h)
        let byThirdBias = Self.columnSums(slope, columns: d)
        slope = Self.throughTanh(product(slope, third, n, d, h), a2)
        let bySecond = product(Matrices.transposed(slope, rows: n, columns: h), a1, h, n, h)
        let bySecondBias = Self.columnSums(slope, columns: h)
        slope = Self.throughTanh(product(slope, second, n, h, h), a1)
        let byFirst = product(Matrices.transposed(slope, rows: n, columns: h), x, h, n, d)
        return byFirst + Self.columnSums(slope, columns: h) + bySecond + bySecondBias + byThird + byThirdBias
            + byClassifier
    }

    private static func tanh(_ x: [Float]) -> [Float] {
        var y = x
        y.withUnsafeMutableBufferPointer { y in
            if let base = y.baseAddress { Float.apply(.tanh, base, count: y.count) }
        }
        return y
    }

    private static func throughTanh(_ slope: [Float], _ value: [Float]) -> [Float] {
        zip(slope, value).map { $0 * (1 - $1 * $1) }
    }

    private static func columnSums(_ x: [Float], columns: Int) -> [Float] {
        var sums = [Float](repeating: 0, count: columns)
        for i in x.indices { sums[i % columns] += x[i] }
        return sums
    }

    private func head(_ parameters: [Float]) -> BaselineHead {
        let (c, d, h) = (shape.c, shape.d, shape.hidden)
        func part(_ part: Shape.Part) -> [Float] { Array(parameters[shape[part]]) }
        let first = PackedMatrix(part(.first), outputs: h, inputs: d)
        let second = PackedMatrix(part(.second), outputs: h, inputs: h)
        let third = PackedMatrix(part(.third), outputs: d, inputs: h)
        let (firstBias, secondBias, thirdBias) = (part(.firstBias), part(.secondBias), part(.thirdBias))
        var classifier = part(.classifier)
        _ = UnitRows.normalise(&classifier, dimension: d)
        let scale = Float(options.logitScale)
        let packed = PackedMatrix(classifier.map { scale * $0 }, outputs: c, inputs: d)

        @Sendable func layer(_ x: [Float], _ weight: PackedMatrix<Float>, _ bias: [Float], _ n: Int) -> [Float] {
            var y = [Float](repeating: 0, count: n * weight.outputs)
            x.withUnsafeBufferPointer { x in
                y.withUnsafeMutableBufferPointer { y in
                    guard let x = x.baseAddress, let y = y.baseAddress else { return }
                    weight.multiply(x, rows: n, into: y)
                }
            }
            for i in y.indices { y[i] += bias[i % bias.count] }
            return y
        }
        return BaselineHead(classes: c, dimension: d, parameters: shape.count) { rows, n, logits in
            let x = Array(UnsafeBufferPointer(start: rows, count: n * d))
            let a1 = Self.tanh(layer(x, first, firstBias, n))
            let a2 = Self.tanh(layer(a1, second, secondBias, n))
            var y = zip(x, layer(a2, third, thirdBias, n)).map { $0 + $1 }
            _ = UnitRows.normalise(&y, dimension: d)
            y.withUnsafeBufferPointer { y in
                if let y = y.baseAddress { packed.multiply(y, rows: n, into: logits) }
            }
        }
    }

    /// Where each part stands in the vector of parameters.
    private struct Shape {
        let c: Int
        let d: Int
        let hidden: Int

        enum Part: CaseIterable {
            case first
            case firstBias
            case second
            case secondBias
            case third
            case thirdBias
            case classifier
        }

        init(classes: Int, dimension: Int, hidden: Int) {
            (c, d, self.hidden) = (classes, dimension, hidden)
        }

        /// The H whose layers, `H² + (2 D + 2) H + D` numbers, come nearest to `parameters`.
        static func hidden(parameters: Int, dimension d: Int) -> Int {
            let half = Double(d + 1)
            return max(1, Int(((half * half + Double(parameters - d)).squareRoot() - half).rounded()))
        }

        var count: Int { subscriptEnd(.classifier) }

        subscript(part: Part) -> Range<Int> { subscriptEnd(part) - size(part)..<subscriptEnd(part) }

        private func subscriptEnd(_ part: Part) -> Int {
            var end = 0
            for one in Part.allCases {
                end += size(one)
                if one == part { break }
            }
            return end
        }

        private func size(_ part: Part) -> Int {
            switch part {
            case .first, .third: hidden * d
            case .second: hidden * hidden
            case .firstBias, .secondBias: hidden
            case .thirdBias: d
            case .classifier: c * d
            }
        }
    }
}
