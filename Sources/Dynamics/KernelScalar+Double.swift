import Glibc

extension Double: KernelScalar {
    public static var kernelName: String { "swift" }

    public static func multiply(
        m: Int, n: Int, k: Int, _ a: UnsafePointer<Double>, transposed transposedA: Bool,
        _ b: UnsafePointer<Double>, transposed transposedB: Bool,
        into c: UnsafeMutablePointer<Double>, accumulating: Bool
    ) {
        // Strides turn the four cases into one; b is laid out [k, n] so that the inner loop runs along memory.
        let (rowA, columnA) = transposedA ? (1, m) : (k, 1)
        guard transposedB else {
            return multiplyRows(
                m: m, n: n, k: k, a, row: rowA, column: columnA, b, into: c, accumulating: accumulating)
        }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, n * k)) { buffer in
            guard let packed = buffer.baseAddress else { return }
            pack(n: n, k: k, b, transposed: true, into: packed)
            multiplyRows(m: m, n: n, k: k, a, row: rowA, column: columnA, packed, into: c, accumulating: accumulating)
        }
    }

    public static func packedCount(n: Int, k: Int) -> Int { n * k }

    public static func pack(
        n: Int, k: Int, _ b: UnsafePointer<Double>, transposed: Bool, into packed: UnsafeMutablePointer<Double>
    ) {
        guard transposed else { return packed.update(from: b, count: n * k) }
        for j in 0..<n {
            for p in 0..<k { packed[p * n + j] = b[j * k + p] }
        }
    }

    public static func multiplyPacked(
        m: Int, n: Int, k: Int, _ a: UnsafePointer<Double>, _ packed: UnsafePointer<Double>,
        into c: UnsafeMutablePointer<Double>, accumulating: Bool
    ) {
        multiplyRows(m: m, n: n, k: k, a, row: k, column: 1, packed, into: c, accumulating: accumulating)
    }

    /// Sums over `p` in ascending order, whatever `m` and `n` are.
    private static func multiplyRows(
        m: Int, n: Int, k: Int, _ a: UnsafePointer<Double>, row: Int, column: Int, _ b: UnsafePointer<Double>,
        into c: UnsafeMutablePointer<Double>, accumulating: Bool
    ) {
        for i in 0..<m {
            let output = c + i * n
            if !accumulating { output.update(repeating: 0, count: n) }
            for p in 0..<k {
                let factor = a[i * row + p * column]
                let input = b + p * n
                for j in 0..<n { output[j] += factor * input[j] }
            }
        }
    }

    public static func apply(_ activation: Activation, _ x: UnsafeMutablePointer<Double>, count: Int) {
        for i in 0..<count { x[i] = activation.value(x[i]) }
    }

    public static func backpropagate(
        _ activation: Activation, preactivation: UnsafePointer<Double>, into gradient: UnsafeMutablePointer<Double>,
        count: Int
    ) {
        for i in 0..<count { gradient[i] *= activation.derivative(of: preactivation[i]) }
    }

    public static func exponentiate(_ x: UnsafeMutablePointer<Double>, shift: Double, count: Int) -> Double {
        var sum = 0.0
        for i in 0..<count {
            x[i] = exp(x[i] - shift)
            sum += x[i]
        }
        return sum
    }

    public static func combine(
        _ base: UnsafePointer<Double>, _ factors: [Double], _ x: [UnsafePointer<Double>],
        into y: UnsafeMutablePointer<Double>, count: Int
    ) {
        for i in 0..<count {
            var sum = base[i]
            for j in factors.indices { sum += factors[j] * x[j][i] }
            y[i] = sum
        }
    }

    public static func add(row: UnsafePointer<Double>, m: Int, n: Int, into y: UnsafeMutablePointer<Double>) {
        for i in 0..<m {
            let output = y + i * n
            for j in 0..<n { output[j] += row[j] }
        }
    }

    public static func sumOfSquares(_ x: UnsafePointer<Double>, count: Int) -> Double {
        dot(x, x, count: count)
    }

    public static func dot(_ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, count: Int) -> Double {
        var sum = 0.0
        for i in 0..<count { sum += x[i] * y[i] }
        return sum
    }

    /// Any number will do here; a small one that is no divisor of common sizes tries the padding.
    public static var panel: Int { 3 }

    public static func compute(_ layer: TileLayer<Double>, rows: Int, memory: UnsafeMutablePointer<Double>) {
        let size = Tile<Double>.panelStride
        layer.withPointers { panels, row, _, _, _ in
            guard let row else { return }
            for j in 0..<Tile<Double>.padded(layer.outputs) {
                for i in 0..<rows {
                    let place = j / panel * size + i * panel + j % panel
                    var y = row[j]
                    if let panels {
                        let column = panels + (j < layer.outputs ? j : 0)
                        for p in layer.inputs {
                            let from = p - layer.inputs.lowerBound
                            let x = memory[layer.input + from / panel * size + i * panel + from % panel]
                            if j < layer.outputs { y += x * column[p * layer.outputs] }
                        }
                    }
                    layer.finish(y, place: place, memory: memory)
                }
            }
        }
    }

    public static func spread(
        _ x: UnsafePointer<Double>, times factor: Double, into tile: UnsafeMutablePointer<Double>, count: Int
    ) {
        for i in 0..<Tile<Double>.padded(count) {
            tile[i / panel * Tile<Double>.panelStride + i % panel] = i < count ? factor * x[i] : 0
        }
    }

    public static func gather(
        _ tile: UnsafePointer<Double>, times factor: Double, into x: UnsafeMutablePointer<Double>, count: Int
    ) {
        for i in 0..<count { x[i] = factor * tile[i / panel * Tile<Double>.panelStride + i % panel] }
    }

    public static func scale(tile: UnsafeMutablePointer<Double>, by factor: Double, count: Int) {
        for i in 0..<count { tile[i / panel * Tile<Double>.panelStride + i % panel] *= factor }
    }

    public static func sumOfSquares(tile: UnsafePointer<Double>, count: Int) -> Double {
        var sum = 0.0
        for i in 0..<count {
            let x = tile[i / panel * Tile<Double>.panelStride + i % panel]
            sum += x * x
        }
        return sum
    }
}

extension TileLayer<Double> {
    /// All that follows the product, for one element.
    fileprivate func finish(_ product: Double, place: Int, memory: UnsafeMutablePointer<Double>) {
        var next = 0
        func terms(_ count: Int) -> Double {
            defer { next += count }
            return (next..<next + count).reduce(0) { $0 + factors[$1] * memory[offsets[$1] + place] }
        }
        var y = product + terms(counts[0])
        if let activation { y = activation.value(y) }
        y += terms(counts[1])
        memory[output + place] = y
        for count in counts.dropFirst(2) {
            let (factor, target) = (factors[next], offsets[next])
            next += 1
            memory[target + place] = factor * y + terms(count - 1)
        }
    }
}
