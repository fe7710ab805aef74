import Foundation
import TestSupport
import Testing

@Suite("sono refine")
struct RefineTests {
    /// With a kernel that this processor lacks the best one runs: that is then tested twice.
    private static let kernels = ["portable", "avx2", "avx512"]

    @Test("agrees with an independent float64 computation to 1e-5, by every kernel", arguments: 0..<36, kernels)
    func reference(number: Int, kernel: String) throws {
        let scratch = try Scratch()
        let name = Batches.fixtures.appending(path: number < 10 ? "0\(number)" : "\(number)").path
        let output = scratch("out.safetensors")
        let outcome = try Sono.run(
            ["refine", "--model", "\(name).model.safetensors", "\(name).input.safetensors", output],
            environment: ["SONO_KERNEL": kernel])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let ours = try Tensors(path: output)
        let expected = try Tensors(path: "\(name).expected.safetensors")

        let vectors = try ours.floats("embeddings")
        let reference = try expected.doubles("embeddings")
        #expect(vectors.count == reference.count)
        #expect(try ours.shape("embeddings") == expected.shape("embeddings"))
        let largest = zip(vectors, reference).map { abs(Double($0) - $1) / max(1, abs($1)) }.max() ?? .infinity
        #expect(largest < 1e-5)

        let probabilities = try expected.doubles("probabilities")
        let classes = try expected.shape("probabilities")[1]
        let predicted = try ours.int32s("predicted")
        let scores = try ours.floats("score")
        for row in predicted.indices {
            let of = probabilities[row * classes..<(row + 1) * classes]
            let best = try #require(of.indices.max { of[$0] < of[$1] })
            #expect(Int(predicted[row]) == best - row * classes)
            #expect(abs(Double(scores[row]) - of[best]) < 1e-4)
        }
        #expect(try ours.int64s("ids") == (0..<predicted.count).map { Int64(100 + $0) })
        #expect(try ours.bytes("status").allSatisfy { $0 == 0 })
    }

    @Test("the result does not depend on the number of threads, to the bit, by any kernel", arguments: kernels)
    func threads(kernel: String) throws {
        let scratch = try Scratch()
        let input = scratch("in.safetensors")
        try Batches.batch(rows: 5_000, seed: 5).write(to: URL(fileURLWithPath: input))
        var answers: Set<Data> = []
        for threads in ["1", "2", "7"] {
            let output = scratch("out-\(threads).safetensors")
            let outcome = try Sono.run(
                ["refine", "--model", Batches.model.path, "--threads", threads, input, output],
                environment: ["SONO_KERNEL": kernel])
            #expect(outcome.status == 0, "\(outcome.errors)")
            answers.insert(try Data(contentsOf: URL(fileURLWithPath: output)))
        }
        #expect(answers.count == 1)
    }

    @Test("an output that is complete is left alone, another input replaces it")
    func completeOutput() throws {
        let scratch = try Scratch()
        let input = scratch("in.safetensors")
        let output = scratch("out.safetensors.zst")
        try Batches.batch(rows: 100, seed: 1).write(to: URL(fileURLWithPath: input))
        let arguments = ["refine", "--model", Batches.model.path, input, output]
        func inode() throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: output)[.systemFileNumber] as? Int
        }
        #expect(try Sono.run(arguments).status == 0)
        let first = try inode()
        #expect(try Sono.run(arguments).status == 0)
        #expect(try inode() == first)
        try Batches.batch(rows: 100, seed: 2).write(to: URL(fileURLWithPath: input))
        #expect(try Sono.run(arguments).status == 0)
        #expect(try inode() != first)
        let leftovers = try FileManager.default.contentsOfDirectory(atPath: scratch.url.path)
        #expect(leftovers.filter { $0 != "out" && $0 != "err" }.sorted() == ["in.safetensors", "out.safetensors.zst"])
    }

    @Test("rows that failed are told again where the output is complete already")
    func statusesAgain() throws {
        let scratch = try Scratch()
        var rows = Batches.embeddings(rows: 20, seed: 6)
        rows[3 * Batches.dimension] = .nan
        try Batches.safetensors(rows).write(to: scratch.url.appending(path: "in"))
        var reports: [[String: Any]] = []
        for _ in 0..<2 {
            let outcome = try Sono.run([
                "refine", "--json", "--model", Batches.model.path, scratch("in"), scratch("out.safetensors.zst"),
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
            reports.append(try outcome.json())
        }
        #expect(reports.map { $0["was_complete"] as? Bool } == [false, true])
        for report in reports { #expect(report["statuses"] as? [String: Int] == ["ok": 19, "non_finite": 1]) }
    }

    @Test("non-finite and zero rows get their status and leave their neighbours' bits alone")
    func badRows() throws {
        let scratch = try Scratch()
        let clean = Batches.embeddings(rows: 100, seed: 4)
        var dirty = clean
        dirty[10 * Batches.dimension + 3] = .nan
        dirty[20 * Batches.dimension] = .infinity
        for column in 0..<Batches.dimension { dirty[30 * Batches.dimension + column] = 0 }
        var tensors: [Tensors] = []
        for (name, rows) in [("clean", clean), ("dirty", dirty)] {
            try Batches.safetensors(rows).write(to: scratch.url.appending(path: name))
            let outcome = try Sono.run(["refine", "--model", Batches.model.path, scratch(name), scratch("\(name).out")])
            #expect(outcome.status == 0, "\(outcome.errors)")
            tensors.append(try Tensors(path: scratch("\(name).out")))
        }
        let statuses = try tensors[1].bytes("status")
        #expect(statuses[10] == 1 && statuses[20] == 1 && statuses[30] == 2)
        #expect(statuses.count { $0 != 0 } == 3)
        let (before, after) = (try tensors[0].floats("embeddings"), try tensors[1].floats("embeddings"))
        let untouched = (0..<100).filter { ![10, 20, 30].contains($0) }
        for row in untouched {
            let span = row * Batches.dimension..<(row + 1) * Batches.dimension
            #expect(before[span].map(\.bitPattern) == after[span].map(\.bitPattern))
        }
    }
}
