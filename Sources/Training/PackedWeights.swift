import Dynamics

/// A model's weights as the passes read them: the flat parameters, and each matrix packed for the products it is used in.
///
/// Packed once for each update, then read by all threads.
struct PackedWeights<S: KernelScalar>: ~Copyable {
    /// One product with a weight matrix `W`, `[out, in]`.
    enum Use: Int, CaseIterable {
        /// `x Wᵀ`
        case position, velocity, output, networkInput, networkOutput, classifier, prior
        /// `dy W`
        case positionBack, velocityBack, outputBack, networkOutputBack, classifierBack
    }

    private let parameters: Workspace<S>
    private let packed: Workspace<S>
    private let layout: ParameterLayout
    private let uses: [(n: Int, k: Int, offset: Int)]
    /// `normalise(Wc)` for a cosine classifier, `Wc` itself for an affine one; `[C, D]`.
    private let directions: Workspace<S>
    /// `|Wc|` row by row, for a cosine classifier.
    let classifierNorms: [S]
    /// A Nyström method's coefficients at this damping, and their derivatives with respect to it.
    let nystrom: (scheme: SecondOrderScheme, slope: SecondOrderScheme)?

    init(_ vector: [S], layout: ParameterLayout, plan: PassPlan, prior: [S]?) {
        self.layout = layout
        if case .nystrom(let tableau) = plan.method, let damping = layout[.damping].first.map({ Double(vector[$0]) }) {
            nystrom = (
                tableau.scheme(damping: damping, step: plan.grid.step),
                tableau.schemeSlope(damping: damping, step: plan.grid.step)
            )
        } else {
            nystrom = nil
        }
        let parameters = Workspace<S>(count: layout.count)
        for (i, value) in vector.enumerated() { parameters.base[i] = value }
        let (d, h, g, c) = (plan.dimension, plan.hidden, plan.networkHidden, plan.classes)

        let directions = Workspace<S>(count: c * d)
        let classifier = parameters.base + layout[.classifierWeight].lowerBound
        var norms = [S](repeating: 1, count: c)
        for row in 0..<c {
            if plan.isCosine {
                let norm = S(S.sumOfSquares(classifier + row * d, count: d).squareRoot())
                norms[row] = norm > 0 ? norm : 1
            }
            for i in 0..<d { directions.base[row * d + i] = classifier[row * d + i] / norms[row] }
        }
        classifierNorms = norms

        var uses: [(n: Int, k: Int, offset: Int)] = []
        var end = 0
        for use in Use.allCases {
            let (n, k): (Int, Int) =
                switch use {
                case .position: (h, d)
                case .velocity: (plan.fieldReadsVelocity ? h : 0, d)
                case .output: (h > 0 ? d : 0, h)
                case .networkInput: (g, d)
                case .networkOutput: (g > 0 ? d : 0, g)
                case .classifier: (c, d)
                case .prior: (plan.hasPrior ? c : 0, d)
                case .positionBack: (h > 0 ? d : 0, h)
                case .velocityBack: (plan.fieldReadsVelocity ? d : 0, h)
                case .outputBack: (h, d)
                case .networkOutputBack: (g, d)
                case .classifierBack: (d, c)
                }
            uses.append((n, k, end))
            // Each begins at a cache line.
            end += n == 0 ? 0 : (S.packedCount(n: n, k: k) + 31) / 32 * 32
        }
        let packed = Workspace<S>(count: end)
        let begin = parameters.base
        for use in Use.allCases {
            let (n, k, offset) = uses[use.rawValue]
            guard n > 0 else { continue }
            let target = packed.base + offset
            func pack(_ parameter: Parameter, transposed: Bool) {
                S.pack(n: n, k: k, begin + layout[parameter].lowerBound, transposed: transposed, into: target)
            }
            switch use {
            case .position: pack(.positionWeight, transposed: true)
            case .velocity: pack(.velocityWeight, transposed: true)
            case .output: pack(.outputWeight, transposed: true)
            case .networkInput: pack(.networkInputWeight, transposed: true)
            case .networkOutput: pack(.networkOutputWeight, transposed: true)
            case .classifier: S.pack(n: n, k: k, directions.base, transposed: true, into: target)
            case .prior:
                prior?.withUnsafeBufferPointer { buffer in
                    guard let base = buffer.baseAddress else { return }
                    S.pack(n: n, k: k, base, transposed: true, into: target)
                }
            case .positionBack: pack(.positionWeight, transposed: false)
            case .velocityBack: pack(.velocityWeight, transposed: false)
            case .outputBack: pack(.outputWeight, transposed: false)
            case .networkOutputBack: pack(.networkOutputWeight, transposed: false)
            case .classifierBack: S.pack(n: n, k: k, directions.base, transposed: false, into: target)
            }
        }
        self.parameters = parameters
        self.packed = packed
        self.directions = directions
        self.uses = uses
    }

    /// Where a parameter begins.
    subscript(parameter: Parameter) -> UnsafePointer<S> {
        UnsafePointer(parameters.base + layout[parameter].lowerBound)
    }

    /// A parameter of one number; 0 if the model has none.
    func scalar(_ parameter: Parameter) -> S {
        layout[parameter].isEmpty ? 0 : self[parameter][0]
    }

    func has(_ parameter: Parameter) -> Bool {
        !layout[parameter].isEmpty
    }

    /// Row `index` of the classifier as it is multiplied with, `[D]`.
    func classifierDirection(_ index: Int, dimension: Int) -> UnsafePointer<S> {
        UnsafePointer(directions.base + index * dimension)
    }

    /// `y (+)= x Wᵀ`, or `x W` for the backward uses.
    func multiply(
        _ use: Use, _ x: UnsafePointer<S>, rows: Int, into y: UnsafeMutablePointer<S>, accumulating: Bool = false
    ) {
        let (n, k, offset) = uses[use.rawValue]
        S.multiplyPacked(
            m: rows, n: n, k: k, x, packed.base + offset, into: y, accumulating: accumulating)
    }
}
