import CKernels
import Dynamics
import Foundation
import Testing

/// Each variant that this processor can run, by index.
private let variants = (0..<Int32(ck_variants)).filter { ck_variant($0) != nil }

/// Reproducible numbers between -1 and 1.
private func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 33) &- (1 << 30)) / Float(1 << 30)
    }
}

@Suite("Kernels")
struct KernelTests {
    @Test("one of the variants is the best one, and portable is always there")
    func selection() throws {
        #expect(variants.contains(0))
        let names = try variants.map { String(cString: try #require(ck_variant($0)).pointee.name) }
        let asked = ProcessInfo.processInfo.environment["SONO_KERNEL"]
        #expect(asked.flatMap { names.contains($0) ? $0 : nil } ?? names.last == Float.kernelName)
    }

    @Test("the limit's multiply-adds are really done, and counted", arguments: variants)
    func spin(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        var sink: Float = 0
        let none = kernels.spin(0, &sink)
        // 12 sums that start at 1/2, 3/2 and so on, and tend to 1 by halves.
        #expect(none == 0 && sink == 12 * 0.5 + 66)
        let one = kernels.spin(1, &sink)
        #expect(one == Double(12 * kernels.panel) && sink == 12 * 0.5 + 72 / 2)
        #expect(kernels.spin(200, &sink) == 200 * one && sink == 12)
    }

    @Test("matrix products match Double for every shape, both layouts, adding or not", arguments: variants)
    func products(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        let shapes = [
            (1, 1, 1), (1, 5, 3), (3, 16, 8), (6, 17, 7), (7, 33, 31), (13, 40, 300), (48, 70, 513), (97, 9, 20),
            (4, 3, 0),
        ]
        for (m, n, k) in shapes {
            let a = numbers(m * k, seed: 1)
            let b = numbers(n * k, seed: 2)
            let before = numbers(m * n, seed: 3)
            for transposedA in [false, true] {
                for transposedB in [false, true] {
                    for accumulating in [false, true] {
                        let c = multiply(
                            kernels, m, n, k, a, transposedA, b, transposedB, onto: before, accumulating)
                        for i in 0..<m {
                            for j in 0..<n {
                                var sum = accumulating ? Double(before[i * n + j]) : 0
                                var size = abs(sum)
                                for p in 0..<k {
                                    let left = a[transposedA ? p * m + i : i * k + p]
                                    let right = b[transposedB ? j * k + p : p * n + j]
                                    sum += Double(left) * Double(right)
                                    size += abs(Double(left) * Double(right))
                                }
                                #expect(abs(Double(c[i * n + j]) - sum) <= 1e-6 * max(size, 1e-3))
                            }
                        }
                    }
                }
            }
        }
    }

    @Test("a row of a product has the same bits with any number of rows", arguments: variants)
    func productsByRow(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        let (m, n, k) = (101, 37, 530)
        let a = numbers(m * k, seed: 4)
        let b = numbers(n * k, seed: 5)
        let none = [Float](repeating: 0, count: m * n)
        let whole = multiply(kernels, m, n, k, a, false, b, true, onto: none, false)
        for rows in [1, 2, 5, 6, 7, 48, 97] {
            for first in stride(from: 0, to: m - rows, by: 13) {
                let part = multiply(
                    kernels, rows, n, k, Array(a[first * k..<(first + rows) * k]), false, b, true,
                    onto: Array(none.prefix(rows * n)), false)
                #expect(part == Array(whole[first * n..<(first + rows) * n]))
            }
        }
    }

    @Test("products of Float and Double agree through the protocol, and write nothing outside")
    func protocolProducts() {
        let (m, n, k) = (29, 21, 19)
        let a = numbers(m * k, seed: 6)
        let b = numbers(n * k, seed: 7)
        for transposedA in [false, true] {
            for transposedB in [false, true] {
                var narrow = [Float](repeating: 9, count: m * n + 1)
                Float.multiply(
                    m: m, n: n, k: k, a, transposed: transposedA, b, transposed: transposedB, into: &narrow,
                    accumulating: false)
                var wide = [Double](repeating: 9, count: m * n + 1)
                Double.multiply(
                    m: m, n: n, k: k, a.map(Double.init), transposed: transposedA, b.map(Double.init),
                    transposed: transposedB, into: &wide, accumulating: false)
                #expect(distance(narrow, wide.map { Float($0) }) < 1e-5)
                #expect(narrow.last == 9 && wide.last == 9)
            }
        }
        let weight = PackedMatrix(b, outputs: n, inputs: k)
        var packed = [Float](repeating: 0, count: m * n)
        weight.multiply(a, rows: m, into: &packed)
        var plain = [Float](repeating: 0, count: m * n)
        Float.multiply(
            m: m, n: n, k: k, a, transposed: false, b, transposed: true, into: &plain, accumulating: false)
        #expect(packed == plain)
    }

    @Test("activations stay within 5e-7 of Double, in every lane", arguments: variants)
    func activations(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        var inputs = stride(from: -12, through: 12, by: 0.000_37).map { Float($0) }
        inputs += [0, -0.0, 1e-30, -1e-30, 1e-4, 50, -50, 1e4, -1e4, 3e38, -3e38]
        for activation in Activation.allCases {
            var outputs = inputs
            kernels.activate(activation.kernel, &outputs, outputs.count)
            for (x, y) in zip(inputs, outputs) {
                let error = abs(Double(y) - activation.value(Double(x)))
                #expect(error < 5e-7 * max(1, abs(Double(x))), "\(activation) at \(x)")
            }
            // The same number gives the same bits wherever it stands.
            for count in 1..<40 {
                var few = Array(inputs[1000..<1000 + count])
                kernels.activate(activation.kernel, &few, count)
                #expect(few == Array(outputs[1000..<1000 + count]))
            }
        }
    }

    @Test("activations are bounded where they should be, and NaN stays NaN", arguments: variants)
    func activationLimits(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        for activation in Activation.allCases {
            var x: [Float] = [.nan, 20, -20, .infinity]
            kernels.activate(activation.kernel, &x, 4)
            #expect(x[0].isNaN)
            #expect(x[1] == (activation == .tanh ? 1 : 20))
            #expect(x[2] == (activation == .tanh ? -1 : 0))
            #expect(x[3] == (activation == .tanh ? 1 : .infinity))
        }
    }

    @Test("slopes of activations stay within 2e-6 of Double", arguments: variants)
    func slopes(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        let inputs = stride(from: -11, through: 11, by: 0.001_3).map { Float($0) }
        for activation in Activation.allCases {
            var gradient = [Float](repeating: 2, count: inputs.count)
            kernels.backpropagate(activation.kernel, inputs, &gradient, inputs.count)
            for (x, y) in zip(inputs, gradient) {
                #expect(abs(Double(y) / 2 - activation.derivative(of: Double(x))) < 2e-6, "\(activation) at \(x)")
            }
        }
    }

    @Test("slopes in Double are those of the values", arguments: Activation.allCases)
    func doubleSlopes(activation: Activation) {
        for x in stride(from: -6, through: 6, by: 0.37) {
            let h = 1e-5
            let central = (activation.value(x + h) - activation.value(x - h)) / (2 * h)
            #expect(abs(central - activation.derivative(of: x)) < 1e-9)
        }
    }

    @Test("exponentials stay within 3e-7 of their size, and their sum is that of the elements", arguments: variants)
    func exponentials(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        let inputs = stride(from: -80, through: 80, by: 0.013).map { Float($0) }
        var outputs = inputs
        let sum = kernels.exponentiate(&outputs, 0, outputs.count)
        for (x, y) in zip(inputs, outputs) {
            let exact = Double.exponential(Double(x))
            #expect(abs(Double(y) - exact) < 3e-7 * exact)
        }
        let exact = outputs.reduce(0.0) { $0 + Double($1) }
        #expect(abs(sum - exact) < 1e-12 * exact)
    }

    @Test("combinations, rows and sums are right at every length", arguments: variants)
    func vectors(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        for count in [1, 3, 4, 7, 8, 15, 16, 17, 33, 100] {
            let x = numbers(count, seed: 8)
            let y = numbers(count, seed: 9)
            let dot = kernels.dot(x, y, count)
            let expected = zip(x, y).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            #expect(abs(dot - expected) < 1e-12)

            var out = [Float](repeating: 7, count: count + 1)
            x.withUnsafeBufferPointer { px in
                y.withUnsafeBufferPointer { py in
                    let factors: [Float] = [0.5, -2]
                    let terms = [py.baseAddress, px.baseAddress]
                    kernels.combine(px.baseAddress, 2, factors, terms, &out, count)
                }
            }
            let combined: [Float] = zip(x, y).map { x, y in 0.5 * y - x }
            #expect(distance(Array(out.prefix(count)), combined) < 3e-7)

            var rows = x + x
            kernels.add_row(y, 2, count, &rows)
            let sums = zip(x, y).map { $0 + $1 }
            #expect(rows == sums + sums)
            #expect(out[count] == 7)
        }
    }

    @Test("a combination may be written over its base or any term", arguments: variants)
    func aliases(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        for count in [1, 3, 7, 8, 15, 16, 17, 33, 100] {
            // Base, two terms, and a place apart.
            let vectors = numbers(3 * count, seed: 10) + [Float](repeating: 7, count: count)
            func combined(into place: Int) -> [Float] {
                var all = vectors
                all.withUnsafeMutableBufferPointer { buffer in
                    guard let base = buffer.baseAddress else { return }
                    let terms = [UnsafePointer(base + count), UnsafePointer(base + 2 * count)].map(Optional.init)
                    kernels.combine(base, 2, [0.5, -2], terms, base + place * count, count)
                }
                return Array(all[place * count..<(place + 1) * count])
            }
            for place in 0..<3 { #expect(combined(into: place) == combined(into: 3)) }
        }
    }

    private func multiply(
        _ kernels: ck_kernels, _ m: Int, _ n: Int, _ k: Int, _ a: [Float], _ transposedA: Bool, _ b: [Float],
        _ transposedB: Bool, onto before: [Float], _ accumulating: Bool
    ) -> [Float] {
        let panels = (n + kernels.panel - 1) / kernels.panel
        var packed = [Float](repeating: .nan, count: max(1, panels * kernels.panel * k))
        kernels.pack(n, k, b, transposedB ? 1 : 0, &packed)
        // NaN all round shows a write, or an unread element that was read.
        var c = [.nan] + before + [.nan]
        let first = c[0].bitPattern
        c.withUnsafeMutableBufferPointer { c in
            guard let base = c.baseAddress else { return }
            if !accumulating { (base + 1).update(repeating: .nan, count: m * n) }
            kernels.multiply(
                m, n, k, a, transposedA ? 1 : k, transposedA ? m : 1, packed, base + 1, accumulating ? 1 : 0)
        }
        #expect(c[0].bitPattern == first && c[c.count - 1].isNaN)
        return Array(c.dropFirst().dropLast())
    }
}

extension Double {
    fileprivate static func exponential(_ x: Double) -> Double {
        var value = [x]
        _ = Double.exponentiate(&value, shift: 0, count: 1)
        return value[0]
    }
}
