import Dynamics
import Evaluation
import Refinement
import Testing

@Suite("cost measurements")
struct CostTests {
    @Test("a quantile is a measured value that at least its share of the sample does not exceed")
    func quantiles() {
        let hundred = Quantiles((1...100).map(Double.init).shuffled())
        #expect(hundred(0) == 1 && hundred.smallest == 1)
        #expect(hundred(0.01) == 1 && hundred(0.011) == 2)
        #expect(hundred.median == 50 && hundred(0.95) == 95 && hundred(0.99) == 99)
        #expect(hundred(1) == 100 && hundred.largest == 100)
        let three = Quantiles([9, 1, 4])
        #expect(three.median == 4 && three(0.99) == 9 && three(1 / 3.0) == 1)
        let one = Quantiles([7])
        #expect(one(0) == 7 && one.median == 7 && one(1) == 7)
    }

    @Test("laps are counted after a warm-up, as often and as long as asked for, and no more than most")
    func laps() {
        var calls = 0
        let counted = Laps(.init(repeats: 5, seconds: 0)) { calls += 1 }
        #expect(counted.count == 5 && counted.processor.count == 5 && calls == 6)
        #expect(counted.wall.allSatisfy { $0 >= 0 } && counted.processor.allSatisfy { $0 >= 0 })

        let timed = Laps(.init(repeats: 1, seconds: 0.02)) { calls += 1 }
        #expect(timed.count > 1 && timed.wall.reduce(0, +) >= 0.02)

        var limits = Laps.Limits(repeats: 1, seconds: 10)
        limits.most = 3
        limits.seconds = 0.5
        #expect(Laps(limits) {}.count == 3)
    }

    @Test("the processor's name and the peak of memory are found where the kernel writes them")
    func machine() {
        #expect(Machine.processor(in: "processor\t: 0\nmodel name\t: A Chip @ 3: fast\n") == "A Chip @ 3: fast")
        #expect(Machine.processor(in: "processor\t: 0\n") == nil)
        #expect(Machine.peakMemory(in: "Name:\tsono\nVmHWM:\t    1234 kB\nVmRSS:\t  99 kB\n") == 1_234 << 10)
        #expect(Machine.peakMemory > 1 << 20 && Machine.current.cores > 0)
    }

    @Test("a core has a multiply-add peak, far above a scalar's")
    func peak() {
        #expect(MultiplyAddPeak.measure() > 1e9)
    }

    @Test("every part and batch size is measured, with figures that agree with each other", arguments: [2, 1, 0])
    func benchmark(order: Int) throws {
        var configuration = ModelConfiguration(dimension: 32, hidden: order == 0 ? 0 : 16)
        configuration.order = order
        configuration.steps = 2
        let model = Model.synthetic(configuration, classes: 5)
        let refiner = try Refiner(model: model)
        var benchmark = CostBenchmark()
        benchmark.batches = [1, 40, 1_000]
        benchmark.limits = .init(repeats: 3, seconds: 0)
        let workload = Workload(rows: 100, dimension: 32, suppliesVelocity: order == 2)
        let report = benchmark.run(model, [refiner], workload)

        #expect(report.costs.map(\.rows) == [1, 40, 100, 1, 40, 100])
        #expect(report.costs.map(\.part.rawValue).prefix(4) == ["position", "position", "position", "refinement"])
        #expect(report.evaluations == refiner.evaluations && report.peakMemory > 0)
        #expect(report.velocity == (order == 2 ? "supplied" : "zero"))
        for cost in report.costs {
            #expect(cost.repeats == 3 && cost.p50 <= cost.p95 && cost.p95 <= cost.p99)
            #expect(cost.processorSecondsPerRowP10 <= cost.processorSecondsPerRow)
            #expect(abs(cost.rowsPerSecond * cost.p50 / Double(cost.rows) - 1) < 1e-9)
        }
        let (position, refinement) = (report.costs[0], report.costs[3])
        #expect(refinement.operations - position.operations == 2 * 32 * 5)
        #expect(order != 0 || position.operations == 0)
    }

    @Test("x(T) of a workload stays near the unit vectors and is the refiner's")
    func positions() throws {
        var configuration = ModelConfiguration(dimension: 64, hidden: 16)
        configuration.steps = 4
        let model = Model.synthetic(configuration, classes: 3)
        let workload = Workload(rows: 50, dimension: 64, suppliesVelocity: true)
        let positions = workload.positions(try Refiner(model: model), threads: 2)
        #expect(positions.count == 50 * 64)
        for row in 0..<50 {
            let norm = positions[row * 64..<(row + 1) * 64].reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(norm > 0.3 && norm < 10)
        }
    }
}
