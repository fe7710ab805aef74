import CKernels
import Dynamics
import Testing

@Suite("Tiles and layers")
struct TileLayerTests {
    private static let variants = (0..<Int32(ck_variants)).filter { ck_variant($0) != nil }

    @Test(
        "a layer is the product, sums, activation and updates it says, to the rounding of Float; a row has the same bits alone",
        arguments: variants)
    func layer(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        for activation in [nil] + Activation.allCases.map(Optional.init) {
            for (m, n, k) in [(1, 1, 1), (5, 40, 33), (48, 70, 300), (47, 16, 0), (13, 33, 520)] {
                try check(kernels, activation, m: m, n: n, k: k)
            }
        }
    }

    private func check(_ kernels: ck_kernels, _ activation: Activation?, m: Int, n: Int, k: Int) throws {
        let room = 48
        let panel = kernels.panel
        func padded(_ n: Int) -> Int { (n + panel - 1) / panel * panel }
        let (inner, outer) = (padded(k), padded(n))
        var noise = Numbers(seed: UInt64(m * n + k))
        // x, y, two terms, z: z = 2 y - 3 term; y = act(x b + row + term / 2) + term 2 / 4.
        let (input, output) = (0, room * inner)
        let terms = [output + room * outer, output + 2 * room * outer]
        let target = output + 3 * room * outer
        var memory = [Float](repeating: 0, count: target + room * outer + 1)
        func place(_ tile: Int, _ i: Int, _ j: Int) -> Int { tile + j / panel * room * panel + i * panel + j % panel }
        for i in 0..<m {
            for p in 0..<k { memory[place(input, i, p)] = noise.next() }
            for j in 0..<n { for tile in terms { memory[place(tile, i, j)] = noise.next() } }
        }
        memory[memory.count - 1] = 99
        let before = memory
        let weight = (0..<inner * n).map { $0 % inner < k ? noise.next() : 0 }
        let row = (0..<outer).map { $0 < n ? noise.next() : 0 }
        var packed = [Float](repeating: .nan, count: max(1, outer * inner))
        kernels.pack(n, inner, weight, 1, &packed)
        let counts = [1, 1, 2]
        let offsets = [terms[0], terms[1], target, terms[0]]
        let factors: [Float] = [0.5, 0.25, 2, -3]
        func compute(_ rows: Int, _ memory: inout [Float]) {
            packed.withUnsafeBufferPointer { packed in
                row.withUnsafeBufferPointer { row in
                    counts.withUnsafeBufferPointer { counts in
                        offsets.withUnsafeBufferPointer { offsets in
                            factors.withUnsafeBufferPointer { factors in
                                var layer = ck_layer(
                                    rows: room, outputs: n, inputs: inner, input: input, output: output,
                                    packed: packed.baseAddress, stride: inner * panel, row: row.baseAddress,
                                    activation: activation.map { Int32($0.kernel.rawValue) } ?? -1, sums: 3,
                                    counts: counts.baseAddress, offsets: offsets.baseAddress,
                                    factors: factors.baseAddress)
                                kernels.layer(&layer, rows, &memory)
                            }
                        }
                    }
                }
            }
        }
        compute(m, &memory)
        for i in 0..<m {
            var alone = before
            for p in 0..<k { alone[place(input, 0, p)] = before[place(input, i, p)] }
            for j in 0..<n { for tile in terms { alone[place(tile, 0, j)] = before[place(tile, i, j)] } }
            compute(1, &alone)
            for tile in [output, target] {
                for j in 0..<n {
                    let (one, many) = (alone[place(tile, 0, j)], memory[place(tile, i, j)])
                    #expect(one.bitPattern == many.bitPattern)
                }
            }
        }
        #expect(memory[memory.count - 1] == 99 && Array(memory[..<output]) == Array(before[..<output]))
        for i in 0..<m {
            for j in 0..<outer {
                var sum = j < n ? Double(row[j]) : 0
                for p in 0..<k where j < n {
                    sum += Double(before[place(input, i, p)]) * Double(weight[j * inner + p])
                }
                let term = terms.map { Double(before[place($0, i, j)]) }
                sum += 0.5 * term[0]
                let y = (activation?.value(sum) ?? sum) + 0.25 * term[1]
                let scale = 1e-6 * max(1, Double(k).squareRoot())
                #expect(abs(Double(memory[place(output, i, j)]) - y) <= scale * max(1, abs(y)))
                #expect(abs(Double(memory[place(target, i, j)]) - (2 * y - 3 * term[0])) <= 3 * scale * max(1, abs(y)))
            }
        }
    }

    @Test("rows go into tiles and come out as they were, scaled, with zeros behind them", arguments: variants)
    func rows(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        for count in [1, 7, 8, 16, 31, 32, 33, 100] {
            let stride = kernels.panel * 3
            let panels = (count + kernels.panel - 1) / kernels.panel
            var noise = Numbers(seed: UInt64(count))
            let x = (0..<count).map { _ in noise.next() }
            var tile = [Float](repeating: 5, count: panels * stride)
            kernels.spread(x, 2, count, &tile, stride)
            let squares = x.reduce(0.0) { $0 + 4 * Double($1) * Double($1) }
            #expect(abs(kernels.tile_squares(tile, stride, count) - squares) < 1e-12 * max(1, squares))
            kernels.tile_scale(&tile, stride, 0.25, count)
            var back = [Float](repeating: 7, count: count + 1)
            kernels.gather(tile, stride, 2, count, &back)
            #expect(back == x + [7])
            let untouched = (0..<panels).allSatisfy { tile[$0 * stride + kernels.panel] == 5 }
            #expect(untouched)
            #expect(
                (count..<panels * kernels.panel).allSatisfy {
                    tile[$0 / kernels.panel * stride + $0 % kernels.panel] == 0
                })
        }
    }

    @Test("the best classes come first, equal ones in order, with their shares of the softmax", arguments: variants)
    func classes(variant: Int32) throws {
        let kernels = try #require(ck_variant(variant)).pointee
        for count in [1, 2, 7, 16, 17, 100, 257] {
            var noise = Numbers(seed: UInt64(count))
            var logits = (0..<count).map { _ in (20 * noise.next()).rounded() / 2 }
            logits[count / 2] = 11
            let stride = kernels.panel * 2
            var tile = [Float](repeating: .nan, count: (count + kernels.panel - 1) / kernels.panel * stride)
            kernels.spread(logits, 1, count, &tile, stride)
            let order = (0..<count).sorted { (-logits[$0], $0) < (-logits[$1], $1) }
            let weights = logits.map { Activation.exponential(0.7 * Double($0 - 11)) }
            let sum = weights.reduce(0, +)
            for kept in Set([1, min(2, count), min(5, count), count]) {
                var classes = [Int32](repeating: -1, count: kept)
                var scores = [Float](repeating: .nan, count: kept)
                kernels.classify(tile, stride, count, 0.7, kept, &classes, &scores)
                #expect(classes.map { Int($0) } == Array(order.prefix(kept)))
                for (score, index) in zip(scores, order) {
                    #expect(abs(Double(score) - weights[index] / sum) < 1e-6)
                }
            }
        }
    }
}

/// Reproducible numbers between -1 and 1.
private struct Numbers {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    }

    mutating func next() -> Float {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 33) &- (1 << 30)) / Float(1 << 30)
    }
}

extension Activation {
    fileprivate static func exponential(_ x: Double) -> Double {
        var value = [x]
        _ = Double.exponentiate(&value, shift: 0, count: 1)
        return value[0]
    }
}
