import Refinement
import Training

/// A task whose prompts point roughly at their classes, with coarse features: every row carries a strong nuisance along a
/// direction that its class bends.
struct SyntheticTask {
    let classes: [String]
    let bend: Double
    let prompts: TrainingRows
    let support: TrainingRows
    let validation: TrainingRows
    let test: TrainingRows

    /// - Parameter bend: how strong the nuisance is; without it all classes are round, and nothing but a linear head helps.
    init(seed: UInt64 = 1, shots: Int = 12, bend: Double = 1) {
        var generator = SplitMix64(seed: seed)
        let (c, d) = (4, 24)
        let names = (0..<c).map { "class \($0)" }
        func vector(_ size: Double) -> [Double] { (0..<d).map { _ in size * generator.gaussian() } }
        let centres = (0..<c).map { _ in vector(1) }
        let nuisance = vector(1)
        func rows(_ perClass: Int, gap: Double, noise: Double) -> TrainingRows {
            var embeddings: [Float] = []
            var labels: [Int32] = []
            for _ in 0..<perClass {
                for label in 0..<c {
                    let amount = 2 * generator.gaussian()
                    let other = centres[(label + 1) % c]
                    for i in 0..<d {
                        let value =
                            centres[label][i] + gap * (amount * nuisance[i] + max(0, amount) * 0.8 * other[i])
                            + noise * generator.gaussian()
                        embeddings.append(Float(3 * value))
                    }
                    labels.append(Int32(label))
                }
            }
            return TrainingRows(
                dimension: d, embeddings: embeddings, labels: labels, classes: names, encoder: "synthetic")
        }
        classes = names
        self.bend = bend
        prompts = rows(3, gap: 0, noise: 0.8)
        support = rows(shots, gap: bend, noise: 0.7)
        validation = rows(15, gap: bend, noise: 0.7)
        test = rows(100, gap: bend, noise: 0.7)
    }

    /// Quick to train, large enough to learn.
    var options: TrainingOptions { options(.gradient) }

    func options(_ base: TrainingOptions) -> TrainingOptions {
        var options = base
        options.hidden = 16
        options.velocityHidden = 8
        options.epochs = 40
        options.fieldRate = 1e-2
        options.classifierRate = 1e-2
        return options
    }
}
