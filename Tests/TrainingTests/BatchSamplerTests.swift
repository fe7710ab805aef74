import Testing
import Training

@Suite struct BatchSamplerTests {
    private static let (dimension, classes) = (6, ["a", "b", "c"])

    /// `count` unit rows, no two alike.
    private static func rows(_ count: Int) throws -> PreparedRows {
        let embeddings = (0..<count * dimension).map { Float($0 % dimension == 0 ? 1 + $0 : $0 % 5) }
        return try PreparedRows(
            TrainingRows(
                dimension: dimension, embeddings: embeddings, labels: (0..<count).map { Int32($0 % 3) },
                classes: classes),
            name: "test", classes: classes, dimension: dimension)
    }

    private static func vectors(_ values: [Float]) -> [[Float]] {
        stride(from: 0, to: values.count, by: dimension).map { Array(values[$0..<$0 + dimension]) }
    }

    private static func sampler(
        support: Int, prompts: Int, _ change: (inout TrainingOptions) -> Void = { _ in }
    ) throws -> BatchSampler {
        var options = TrainingOptions.standard
        options.batchRows = 4
        options.textNoise = 0
        change(&options)
        return BatchSampler(options: options, support: try rows(support), prompts: try rows(prompts))
    }

    @Test("an epoch has every support row and every prompt once, whatever their numbers", arguments: [1, 2, 3, 9, 30])
    func everyRowOnce(prompts: Int) throws {
        var sampler = try Self.sampler(support: 10, prompts: prompts)
        #expect(sampler.batches == 3)
        let first = sampler.nextEpoch()
        for epoch in [first, sampler.nextEpoch()] {
            let images = epoch.flatMap { Self.vectors($0[0].start) }
            let texts = epoch.flatMap { $0.dropFirst().flatMap { Self.vectors($0.start) } }
            #expect(Set(images) == Set(Self.vectors(try Self.rows(10).start)) && images.count == 10)
            #expect(Set(texts) == Set(Self.vectors(try Self.rows(prompts).start)) && texts.count == prompts)
            // Fewer prompts than updates: some updates have none, and no empty batch instead.
            #expect(epoch.allSatisfy { $0.allSatisfy { $0.rows > 0 } })
        }
        #expect(first.flatMap { $0[0].start } != sampler.nextEpoch().flatMap { $0[0].start }, "a fresh order")
    }

    @Test("an update's image rows weigh 1 together, its text rows the text weight, and the penalty is a mean over both")
    func weights() throws {
        var sampler = try Self.sampler(support: 10, prompts: 9) {
            $0.textWeight = 0.25
            $0.penalty = 3
        }
        for update in sampler.nextEpoch() {
            let rows = update.reduce(0) { $0 + $1.rows }
            for (batch, weight) in zip(update, [1, 0.25] as [Float]) {
                #expect(abs(batch.weights.reduce(0, +) - weight) < 1e-6)
                #expect(Set(batch.weights).count == 1)
                #expect(batch.penalties.allSatisfy { abs($0 - 3 / Float(rows)) < 1e-6 })
            }
        }
    }

    @Test("without text weight there are no text rows")
    func noText() throws {
        var sampler = try Self.sampler(support: 10, prompts: 9) { $0.textWeight = 0 }
        #expect(sampler.nextEpoch().allSatisfy { $0.count == 1 })
    }

    @Test("noise is as long as asked for on the average, drawn anew each epoch, and leaves unit rows; images get none")
    func noise() throws {
        var sampler = try Self.sampler(support: 3, prompts: 600) { $0.textNoise = 0.1 }
        let clean = Self.vectors(try Self.rows(600).start)
        let epochs = [sampler.nextEpoch(), sampler.nextEpoch()]
        #expect(epochs[0][0][1].start != epochs[1][0][1].start)
        for epoch in epochs {
            #expect(epoch[0][0].start == (try Self.rows(3)).start)
            let noisy = Self.vectors(epoch[0][1].start)
            #expect(noisy.allSatisfy { abs($0.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5 })
            let squares = zip(noisy, clean).map { zip($0, $1).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
            // Of D directions the one along the row is taken off again by normalising.
            let expected = 0.1 * 0.1 * Float(Self.dimension - 1) / Float(Self.dimension)
            #expect(abs(squares.reduce(0, +) / Float(squares.count) / expected - 1) < 0.15)
        }
    }

    @Test("the text weight changes what is trained")
    func textWeight() throws {
        let task = SyntheticTask()
        func field(_ textWeight: Double) throws -> [Float] {
            var options = task.options
            options.epochs = 3
            options.textWeight = textWeight
            return try Trainer(options: options, toolVersion: "sono 0")
                .train(support: task.support, prompts: task.prompts, validation: task.validation).model.classifierWeight
        }
        #expect(try field(0) != field(1))
    }
}
