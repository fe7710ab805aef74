/// A second-order system `x'' = S(x, x', t)` for many rows at once.
///
/// With its two initial conditions it is solved as the first-order system `[x, x']' = [x', S]`. The first-order control
/// `x' = S(x, t)` is the same with a term less: its `order` is 1 and it is given no velocity.
///
/// An implementer owes: rows that do not influence each other, results that depend on nothing but the arguments, and no
/// writes outside `result` and `scratch`.
public protocol SecondOrderSystem<Scalar>: Sendable {
    associatedtype Scalar: KernelScalar

    /// 2, or 1 for the control.
    var order: Int { get }
    /// `D`, the length of a row.
    var dimension: Int { get }
    /// How many numbers of scratch memory `evaluate` needs for `rows` rows.
    func scratchCount(rows: Int) -> Int

    /// Computes `S`.
    ///
    /// - Parameters:
    ///   - time: `t`, in the model's time unit.
    ///   - position: `x`, `[rows, D]`.
    ///   - velocity: `x'`, `[rows, D]`; nil at order 1, and for a Nyström method, which is given `S` without its terms in `x'`.
    ///   - scratch: `scratchCount(rows:)` numbers to write to freely.
    ///   - result: receives `S`, `[rows, D]`.
    func evaluate(
        time: Double, position: UnsafePointer<Scalar>, velocity: UnsafePointer<Scalar>?, rows: Int,
        scratch: UnsafeMutablePointer<Scalar>, into result: UnsafeMutablePointer<Scalar>)
}

extension SecondOrderSystem {
    public var order: Int { 2 }
    public func scratchCount(rows: Int) -> Int { 0 }
}
