import Dynamics
import Refinement

/// The trainable parameters, named as in a model file where they stand in one.
package enum Parameter: String, CaseIterable, Sendable {
    case positionWeight = "field.position.weight"
    case velocityWeight = "field.velocity.weight"
    case timeWeight = "field.time.weight"
    case fieldBias = "field.bias"
    case outputWeight = "field.output.weight"
    case outputBias = "field.output.bias"
    case damping = "field.damping"
    case networkInputWeight = "velocity.input.weight"
    case networkInputBias = "velocity.input.bias"
    case networkOutputWeight = "velocity.output.weight"
    case networkOutputBias = "velocity.output.bias"
    case classifierWeight = "classifier.weight"
    case classifierBias = "classifier.bias"
    case mix
    case logitScale = "logit_scale"
    case priorScale = "prior_scale"
}

/// Where each parameter of a model stands in one flat vector, so that gradient, optimiser and checkpoint are vectors.
package struct ParameterLayout: Sendable, Equatable {
    private let ranges: [Range<Int>]
    package let count: Int

    package init<S: KernelScalar>(_ model: Model<S>) {
        var ranges: [Range<Int>] = []
        var end = 0
        for parameter in Parameter.allCases {
            let count = model.values(of: parameter).count
            ranges.append(end..<end + count)
            end += count
        }
        self.ranges = ranges
        count = end
    }

    /// Empty if the model has no such parameter.
    package subscript(parameter: Parameter) -> Range<Int> {
        // `allCases` is in declaration order, and so are the ranges.
        Parameter.allCases.firstIndex(of: parameter).map { ranges[$0] } ?? 0..<0
    }
}

extension Model {
    /// The parameters in the order of their layout.
    package var parameters: [S] {
        Parameter.allCases.flatMap { values(of: $0) }
    }

    /// Replaces all parameters.
    package mutating func setParameters(_ vector: [S]) {
        let layout = ParameterLayout(self)
        func values(_ parameter: Parameter) -> [S] { Array(vector[layout[parameter]]) }
        func scalar(_ parameter: Parameter) -> S { values(parameter).first ?? 0 }
        field.positionWeight = values(.positionWeight)
        field.velocityWeight = values(.velocityWeight)
        field.timeWeight = values(.timeWeight)
        field.bias = values(.fieldBias)
        field.outputWeight = values(.outputWeight)
        field.outputBias = values(.outputBias)
        field.damping = scalar(.damping)
        velocity?.inputWeight = values(.networkInputWeight)
        velocity?.inputBias = values(.networkInputBias)
        velocity?.outputWeight = values(.networkOutputWeight)
        velocity?.outputBias = values(.networkOutputBias)
        classifierWeight = values(.classifierWeight)
        if classifierBias != nil { classifierBias = values(.classifierBias) }
        if configuration.order > 0 { configuration.mix = Double(scalar(.mix)) }
        configuration.logitScale = Double(scalar(.logitScale))
        if prior != nil { configuration.priorScale = Double(scalar(.priorScale)) }
    }

    fileprivate func values(of parameter: Parameter) -> [S] {
        let order = configuration.order
        return switch parameter {
        case .positionWeight: field.positionWeight
        case .velocityWeight: order == 2 ? field.velocityWeight : []
        case .timeWeight: field.timeWeight
        case .fieldBias: field.bias
        case .outputWeight: field.outputWeight
        case .outputBias: field.outputBias
        case .damping: order == 2 ? [field.damping] : []
        case .networkInputWeight: velocity?.inputWeight ?? []
        case .networkInputBias: velocity?.inputBias ?? []
        case .networkOutputWeight: velocity?.outputWeight ?? []
        case .networkOutputBias: velocity?.outputBias ?? []
        case .classifierWeight: classifierWeight
        case .classifierBias: classifierBias ?? []
        case .mix: order > 0 ? [S(configuration.mix)] : []
        case .logitScale: [S(configuration.logitScale)]
        case .priorScale: prior == nil ? [] : [S(configuration.priorScale)]
        }
    }
}
