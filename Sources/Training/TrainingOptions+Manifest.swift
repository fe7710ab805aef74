import Foundation

extension TrainingOptions {
    /// The options that a model was trained with, from its manifest; nil where it has none that can be read.
    public init?(manifest: String?) {
        struct Manifest: Decodable {
            let options: TrainingOptions
        }
        guard let manifest, let read = try? JSONDecoder().decode(Manifest.self, from: Data(manifest.utf8)) else {
            return nil
        }
        self = read.options
    }

    /// The same recipe at order 1 or 0, with every other lever as it is: a control.
    ///
    /// At order 1 the field is as wide as gives it the parameters that a field of order 2 and its velocity network have,
    /// to within a half of `2 D + 2`. A Nyström method, which solves no equation of order 1, becomes `rk4`.
    package func control(order: Int, dimension d: Int) -> TrainingOptions {
        var control = self
        control.order = order
        if order < 2, solver.isNystrom { control.solver = .rk4 }
        if order == 1, self.order == 2 {
            let parameters = fieldParameters(dimension: d)
            control.hidden = max(1, Int((Double(parameters - d) / Double(2 * d + 2)).rounded()))
        }
        return control
    }

    /// What is trained by gradients where a budget asks for that too: the same equation under the recipe `gradient`.
    var byGradients: TrainingOptions {
        var options = TrainingOptions(solver: solver, steps: steps)
        options.order = order
        options.horizon = horizon
        options.mix = mix
        options.seed = seed
        options.threads = threads
        return options
    }

    /// The parameters of a field of order 2 and its velocity network, whatever the order is.
    package func fieldParameters(dimension d: Int) -> Int {
        let network = velocityHidden > 0 ? 2 * velocityHidden * d + velocityHidden + d : 0
        return hidden * (3 * d + 2) + d + 1 + network
    }
}
