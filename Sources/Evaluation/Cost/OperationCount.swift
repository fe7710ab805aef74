import Dynamics
import Refinement

/// Floating-point operations of matrix products for one row, two to a multiply-add.
struct OperationCount {
    let model: Model<Float>
    let suppliesVelocity: Bool

    /// Of the initial velocity and `x(T)`.
    func position(_ refiner: Refiner) -> Double {
        let configuration = refiner.configuration
        let (d, h) = (Double(configuration.dimension), Double(configuration.hidden))
        let products = configuration.order == 2 ? 3.0 : 2.0
        let network = suppliesVelocity ? 0 : 2 * d * Double(model.velocity?.hidden ?? 0)
        return 2 * (Double(refiner.evaluations) * products * d * h + network)
    }

    /// Of the logits.
    var classification: Double {
        let products = model.prior == nil ? 1.0 : 2.0
        return 2 * products * Double(model.configuration.dimension * model.classes.count)
    }
}
