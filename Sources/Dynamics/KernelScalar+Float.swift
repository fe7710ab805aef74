import CKernels
import Foundation

extension Float: KernelScalar {
    private static var kernels: ck_kernels { table.pointee }

    /// Constant data in the C library.
    private nonisolated(unsafe) static let table = offered

    /// The kernels that `SONO_KERNEL` in the environment names (`avx512`, `avx2`, `portable`), if this processor can run
    /// them; else the best.
    private static var offered: UnsafePointer<ck_kernels> {
        let name = ProcessInfo.processInfo.environment["SONO_KERNEL"]
        return (0..<Int32(ck_variants)).lazy.compactMap { ck_variant($0) }
            .first { String(cString: $0.pointee.name) == name } ?? ck_best()
    }

    /// Of the kernels in use: those that were offered when they were used first.
    public static var kernelName: String { String(cString: kernels.name) }

    /// Of the kernels that would be taken now; to ask does not choose them.
    public static var offeredKernelName: String { String(cString: offered.pointee.name) }

    public static func multiply(
        m: Int, n: Int, k: Int, _ a: UnsafePointer<Float>, transposed transposedA: Bool,
        _ b: UnsafePointer<Float>, transposed transposedB: Bool,
        into c: UnsafeMutablePointer<Float>, accumulating: Bool
    ) {
        let (row, column) = transposedA ? (1, m) : (k, 1)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: packedCount(n: n, k: k)) { buffer in
            guard let packed = buffer.baseAddress else { return }
            pack(n: n, k: k, b, transposed: transposedB, into: packed)
            kernels.multiply(m, n, k, a, row, column, packed, c, accumulating ? 1 : 0)
        }
    }

    public static func packedCount(n: Int, k: Int) -> Int {
        let panel = kernels.panel
        return max(1, (n + panel - 1) / panel * panel * k)
    }

    public static func pack(
        n: Int, k: Int, _ b: UnsafePointer<Float>, transposed: Bool, into packed: UnsafeMutablePointer<Float>
    ) {
        kernels.pack(n, k, b, transposed ? 1 : 0, packed)
    }

    public static func multiplyPacked(
        m: Int, n: Int, k: Int, _ a: UnsafePointer<Float>, _ packed: UnsafePointer<Float>,
        into c: UnsafeMutablePointer<Float>, accumulating: Bool
    ) {
        kernels.multiply(m, n, k, a, k, 1, packed, c, accumulating ? 1 : 0)
    }

    public static func apply(_ activation: Activation, _ x: UnsafeMutablePointer<Float>, count: Int) {
        kernels.activate(activation.kernel, x, count)
    }

    public static func backpropagate(
        _ activation: Activation, preactivation: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        kernels.backpropagate(activation.kernel, preactivation, gradient, count)
    }

    public static func exponentiate(_ x: UnsafeMutablePointer<Float>, shift: Float, count: Int) -> Double {
        kernels.exponentiate(x, shift, count)
    }

    public static func combine(
        _ base: UnsafePointer<Float>, _ factors: [Float], _ x: [UnsafePointer<Float>],
        into y: UnsafeMutablePointer<Float>, count: Int
    ) {
        x.map(Optional.init).withUnsafeBufferPointer { pointers in
            factors.withUnsafeBufferPointer { factors in
                kernels.combine(base, factors.count, factors.baseAddress, pointers.baseAddress, y, count)
            }
        }
    }

    public static func add(row: UnsafePointer<Float>, m: Int, n: Int, into y: UnsafeMutablePointer<Float>) {
        kernels.add_row(row, m, n, y)
    }

    public static func sumOfSquares(_ x: UnsafePointer<Float>, count: Int) -> Double {
        kernels.dot(x, x, count)
    }

    public static func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int) -> Double {
        kernels.dot(x, y, count)
    }

    /// Does multiply-adds on registers alone, the fastest that the kernels in use could ever be.
    ///
    /// - Returns: the floating-point operations done, two to a multiply-add.
    package static func spin(rounds: Int) -> Double {
        var sink: Float = 0
        return kernels.spin(rounds, &sink)
    }

    public static var panel: Int { kernels.panel }

    public static func compute(_ layer: TileLayer<Float>, rows: Int, memory: UnsafeMutablePointer<Float>) {
        layer.withPointers { panels, row, counts, offsets, factors in
            var description = ck_layer(
                rows: Tile<Float>.rows, outputs: layer.outputs, inputs: layer.inputs.count, input: layer.input,
                output: layer.output, packed: panels.map { $0 + layer.inputs.lowerBound * panel },
                stride: layer.panelStride, row: row,
                activation: layer.activation.map { Int32($0.kernel.rawValue) } ?? -1, sums: layer.counts.count,
                counts: counts, offsets: offsets, factors: factors)
            kernels.layer(&description, rows, memory)
        }
    }

    public static func spread(
        _ x: UnsafePointer<Float>, times factor: Float, into tile: UnsafeMutablePointer<Float>, count: Int
    ) {
        kernels.spread(x, factor, count, tile, Tile<Float>.panelStride)
    }

    public static func gather(
        _ tile: UnsafePointer<Float>, times factor: Float, into x: UnsafeMutablePointer<Float>, count: Int
    ) {
        kernels.gather(tile, Tile<Float>.panelStride, factor, count, x)
    }

    public static func scale(tile: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
        kernels.tile_scale(tile, Tile<Float>.panelStride, factor, count)
    }

    public static func sumOfSquares(tile: UnsafePointer<Float>, count: Int) -> Double {
        kernels.tile_squares(tile, Tile<Float>.panelStride, count)
    }

    /// The classes with the largest of `count` logits, a tile's row, best first and equal ones in order, and their shares
    /// in the softmax of `factor · logits`.
    ///
    /// - Parameters:
    ///   - classes: receives `kept` indices, at most `count`.
    ///   - scores: receives `kept` probabilities.
    package static func classify(
        tile: UnsafePointer<Float>, count: Int, times factor: Float, kept: Int,
        classes: UnsafeMutablePointer<Int32>, scores: UnsafeMutablePointer<Float>
    ) {
        kernels.classify(tile, Tile<Float>.panelStride, count, factor, kept, classes, scores)
    }
}

extension Activation {
    package var kernel: ck_activation {
        switch self {
        case .tanh: ck_tanh
        case .gelu: ck_gelu
        case .silu: ck_silu
        }
    }
}
