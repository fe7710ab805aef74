import Failures
import Foundation
import Refinement
import TestSupport
import Testing
import Training

@Suite struct FewShotDrawTests {
    /// 20 rows of class 0, 3 of class 1, 5 of class 2, and two without a label.
    private let set: TrainingRows = {
        let labels = [-1] + [Int32](repeating: 0, count: 20) + [1, 2, 1, 2, 1, 2, 2, 2] + [-1]
        return TrainingRows(
            dimension: 1, embeddings: labels.indices.map { Float($0 + 1) }, labels: labels, classes: ["a", "b", "c"])
    }()

    @Test("a draw has K rows of each class, or what the class has, and no unlabelled row")
    func counts() throws {
        let draw = try FewShotDraw(shots: 4, seed: 1, from: set)
        let drawn = try set.selecting(draw.rows)
        #expect(drawn.labels.count { $0 == 0 } == 4)
        #expect(drawn.labels.count { $0 == 1 } == 3)
        #expect(drawn.labels.count { $0 == 2 } == 4)
        #expect(!drawn.labels.contains(-1))
        #expect(Set(draw.rows).count == draw.rows.count)
        #expect(drawn.embeddings == draw.rows.map { Float($0 + 1) })
    }

    @Test("the same seed draws the same rows, another seed others")
    func seeds() throws {
        let draw = try FewShotDraw(shots: 4, seed: 1, from: set)
        #expect(try FewShotDraw(shots: 4, seed: 1, from: set) == draw)
        #expect(try FewShotDraw(shots: 4, seed: 2, from: set).rows != draw.rows)
    }

    @Test("a draws file gives the rows of its shots and seed")
    func file() throws {
        let scratch = try Scratch()
        let path = try scratch.write(#"{"1": {"1": [5, 3], "2": [4]}, "16": {"1": [0]}}"#, to: "draws.json")
        #expect(try FewShotDraw(shots: 1, seed: 1, fromFile: path).rows == [3, 5])
        #expect(throws: Failure(.notFound, "")) { try FewShotDraw(shots: 2, seed: 1, fromFile: path) }
        #expect(throws: Failure(.notFound, "")) { try FewShotDraw(shots: 1, seed: 9, fromFile: path) }
        #expect(throws: Failure(.notFound, "")) { try FewShotDraw(shots: 1, seed: 1, fromFile: path + "x") }
        try scratch.write("[1]", to: "draws.json")
        #expect(throws: Failure(.invalidArgument, "")) { try FewShotDraw(shots: 1, seed: 1, fromFile: path) }
    }

    @Test("no shots, no labels and rows out of range are refused")
    func refusals() throws {
        #expect(throws: Failure(.invalidArgument, "")) { try FewShotDraw(shots: 0, seed: 1, from: set) }
        var unlabelled = set
        unlabelled.labels = unlabelled.labels.map { _ in -1 }
        #expect(throws: Failure(.noLabels, "")) { try FewShotDraw(shots: 1, seed: 1, from: unlabelled) }
        #expect(throws: Failure(.noLabels, "")) { try FewShotDraw(all: unlabelled) }
        #expect(throws: Failure(.invalidArgument, "")) { try set.selecting([30]) }
    }

    @Test("SplitMix64 gives the published sequence for seed 1234567")
    func generator() {
        var generator = SplitMix64(seed: 1_234_567)
        #expect(generator.next() == 6_457_827_717_110_365_317)
        #expect(generator.next() == 3_203_168_211_198_807_973)
    }
}
