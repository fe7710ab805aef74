import Dynamics

/// How many floating-point operations one core can do in a second with the kernels' instruction set: multiply-adds on
/// registers alone, the best of many short runs.
public enum MultiplyAddPeak {
    /// Operations a second, two to a multiply-add. Takes about a quarter of a second.
    public static func measure() -> Double {
        let rounds = 100_000
        var operations = 0.0
        let laps = Laps(.init(repeats: 100, seconds: 0.2)) { operations = Float.spin(rounds: rounds) }
        return operations / Quantiles(laps.processor).smallest
    }
}
