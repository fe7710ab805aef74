import Dynamics
import Failures

extension Model {
    /// Whether all parts fit each other and every weight is finite.
    ///
    /// - Throws: `model_invalid` naming the tensor or key, what was found and what was expected.
    public func check() throws {
        try configuration.check()
        let d = configuration.dimension
        let h = configuration.hidden
        let c = classes.count
        guard c > 0 else {
            throw Failure(.modelInvalid, "the model names no classes: put a JSON array of names under `classes`.")
        }
        guard Set(classes).count == c else {
            throw Failure(.modelInvalid, "the model names a class twice under `classes`: give each its own name.")
        }
        try check(classifierWeight, "classifier.weight", [c, d])
        try check(classifierBias, "classifier.bias", [c])
        try check(prior, "prior.weight", [c, d])
        try check(inputMean, "input.mean", [d])
        guard configuration.order > 0 else { return }
        try check(field.positionWeight, "field.position.weight", [h, d])
        try check(field.timeWeight, "field.time.weight", [h])
        try check(field.bias, "field.bias", [h])
        try check(field.outputWeight, "field.output.weight", [d, h])
        try check(field.outputBias, "field.output.bias", [d])
        if let objection = objection(to: configuration.solver) { throw Failure(.modelInvalid, objection) }
        guard configuration.order == 2 else { return }
        try check(field.velocityWeight, "field.velocity.weight", [h, d])
        try check([field.damping], "field.damping", [1])
        guard field.damping >= 0 else {
            throw Failure(
                .modelInvalid, "tensor field.damping is \(field.damping): damping is stored as is and never negative.")
        }
        guard let velocity else { return }
        let g = velocity.hidden
        let widest = ModelConfiguration.widest(dimension: d)
        guard (1...widest).contains(g) else {
            throw Failure(
                .modelInvalid, "tensor velocity.input.bias has \(g) elements: 1 to \(widest) are expected.")
        }
        try check(velocity.inputWeight, "velocity.input.weight", [g, d])
        try check(velocity.inputBias, "velocity.input.bias", [g])
        try check(velocity.outputWeight, "velocity.output.weight", [d, g])
        try check(velocity.outputBias, "velocity.output.bias", [d])
    }

    private func check(_ values: [S]?, _ name: String, _ shape: [Int]) throws {
        guard let values else { return }
        let expected = "[" + shape.map(String.init).joined(separator: ", ") + "]"
        guard values.count == shape.reduce(1, *) else {
            throw Failure(
                .modelInvalid, "tensor \(name) has \(values.count) elements where \(expected) is expected.")
        }
        guard let bad = values.firstIndex(where: { !$0.isFinite }) else { return }
        throw Failure(
            .modelInvalid,
            "tensor \(name) \(expected) holds \(values[bad]) at element \(bad): every weight must be finite.")
    }
}
