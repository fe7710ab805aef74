import Dynamics
import Training

/// A baseline that is trained by gradients over all support rows at once, along one cosine, and looked at on the way: the
/// epoch is one of its settings.
struct GradientRun {
    let epochs: Int
    let groups: [AdamW.Group]
    /// The gradient of the loss by the parameters.
    let gradient: (_ parameters: [Float]) -> [Float]
    private static let warmUp = 0.05

    /// Calls `visit` with the parameters after each of the epochs asked for, and stops after the last of them.
    func run(from start: [Float], looks: [Int], _ visit: (_ epoch: Int, _ parameters: [Float]) -> Void) {
        var parameters = start
        var optimiser = AdamW(count: start.count, groups: groups)
        let schedule = CosineSchedule(updates: epochs, warmUp: Self.warmUp)
        for epoch in 1...max(1, looks.max() ?? 1) {
            optimiser.update(&parameters, gradient: gradient(parameters), factor: schedule.factor(epoch))
            if looks.contains(epoch) { visit(epoch, parameters) }
        }
    }

    /// Epochs at which `count` looks are spread over a run.
    static func looks(_ epochs: Int, _ count: Int) -> [Double] {
        (1...count).map { Double($0 * epochs / count) }
    }

    /// Turns logits `[n, C]` into the gradient of their cross-entropy: its mean, or its sum with weights `[n]`.
    static func crossEntropy(_ logits: inout [Float], labels: [Int], classes c: Int, weights: [Float]? = nil) {
        let mean = 1 / Float(max(1, labels.count))
        logits.withUnsafeMutableBufferPointer { logits in
            guard let base = logits.baseAddress else { return }
            for (row, label) in labels.enumerated() {
                let z = base + row * c
                let share = weights?[row] ?? mean
                var highest = z[0]
                for k in 0..<c { highest = max(highest, z[k]) }
                let sum = Float.exponentiate(z, shift: highest, count: c)
                for k in 0..<c { z[k] *= share / Float(sum) }
                z[label] -= share
            }
        }
    }

    /// Settings that differ in more than the epoch, each with the epochs asked for; in the order they are given.
    static func byRun(
        _ settings: [BaselineMethod.Settings]
    ) -> [(settings: BaselineMethod.Settings, looks: [Int])] {
        var runs: [(settings: BaselineMethod.Settings, looks: [Int])] = []
        for setting in settings {
            var own = setting
            let epoch = Int(own.removeValue(forKey: "epoch") ?? 1)
            if let last = runs.indices.last, runs[last].settings == own {
                runs[last].looks.append(epoch)
            } else {
                runs.append((own, [epoch]))
            }
        }
        return runs
    }
}
