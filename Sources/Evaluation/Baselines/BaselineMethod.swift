import Foundation
import Training

/// How a baseline is fitted, and what is tried where there are rows to choose by.
struct BaselineMethod {
    /// A choice of settings, by name.
    typealias Settings = [String: Double]

    /// Every setting that is tried.
    let grid: [Settings]
    /// The setting to take where nothing can be chosen.
    let usual: Settings
    /// What its logits are divided by while they are calibrated, and the temperature then multiplied by: the bounds of a
    /// temperature are made for logits of the scale that models have, a tenth of CLIP's.
    var calibrationScale = 1.0
    /// Fits once for each of the settings, in their order, and hands over what came out.
    let fit: (_ problem: FewShotProblem, _ settings: [Settings], _ visit: (Settings, BaselineHead) -> Void) -> Void

    /// Settings that any baseline may try: as many as the standard recipe looks at, two trials at forty epochs each.
    static let trials = 80

    /// Every combination of the values, the last name's changing fastest.
    static func grid(_ axes: KeyValuePairs<String, [Double]>) -> [Settings] {
        var grid: [Settings] = [[:]]
        for (name, values) in axes {
            grid = grid.flatMap { settings in
                values.map { value in settings.merging([name: value]) { _, new in new } }
            }
        }
        return grid
    }

    /// `count` numbers from `first` to `last` in equal ratios.
    static func geometric(_ first: Double, _ last: Double, _ count: Int) -> [Double] {
        (0..<count).map { first * pow(last / first, Double($0) / Double(max(1, count - 1))) }
    }
}

extension Baseline {
    /// Nil for the controls, which `Trainer` fits.
    ///
    /// - Parameter options: the recipe of the model that is compared.
    func method(_ options: TrainingOptions) -> BaselineMethod? {
        switch self {
        case .zeroShot:
            BaselineMethod(grid: [[:]], usual: [:], calibrationScale: 10) { problem, settings, visit in
                let head = BaselineHead.linear(
                    weight: problem.zeroShotWeight, classes: problem.classes, dimension: problem.dimension)
                for setting in settings { visit(setting, head) }
            }
        case .linearProbe: LogisticRegression.linearProbe
        case .crossModalLinear: LogisticRegression.crossModal
        case .tipAdapter: TipAdapter.method
        case .gda: GaussianDiscriminant.plain
        case .gdaText: GaussianDiscriminant.withPrompts
        case .tipAdapterF: TipAdapterTuned.method
        case .taskResidual: TaskResidual.method
        case .clipAdapter: ClipAdapter.method
        case .lpPlusPlus: LPPlusPlus.method
        case .residualMLP: ResidualMLP.method(options)
        case .order0, .order1: nil
        }
    }
}
