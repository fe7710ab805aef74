import Foundation
import TestSupport
import Testing

@Suite("A minute of mutations")
struct MutationTests {
    /// Some ten seconds each.
    static let plan: [(decoder: Decoder, executions: Int)] = [
        (.zstd, 60_000), (.safetensors, 200_000), (.npy, 400_000), (.embeddingSet, 30_000), (.model, 30_000),
        (.pipeline, 20_000),
    ]
    static let seed: UInt64 = 5

    @Test("whatever becomes of the corpus ends in a value or a closed code, in bounded memory", arguments: plan)
    func mutations(decoder: Decoder, executions: Int) async throws {
        let folder = try Scratch()
        let path = folder("position")
        let result = await #expect(processExitsWith: .success) { [decoder, executions, path = path as String] in
            let (corpus, file, position) = (try Corpus(decoder), try MemoryFile(), try Position(path: path))
            var mutator = Mutator(seed: MutationTests.seed)
            try Confinement.enter(bytes: CorpusTests.bytes, seconds: 300)
            for execution in 0..<executions {
                let bytes = mutator.next(corpus.inputs)
                position.note(execution)
                do {
                    _ = try decoder.outcome(of: bytes, in: file)
                } catch {
                    Issue.record("execution \(execution): \(error)\n\(Data(bytes).base64EncodedString())")
                    break
                }
            }
        }
        if result == nil, let execution = try Position(path: path).noted {
            let bytes = Data(try Self.input(execution, decoder))
            Issue.record("the process ended at execution \(execution):\n\(bytes.base64EncodedString())")
        }
    }

    @Test("the same seed gives the same inputs, and another seed others")
    func deterministic() throws {
        let inputs = try Corpus(.embeddingSet).inputs
        var (first, second, other) = (Mutator(seed: 1), Mutator(seed: 1), Mutator(seed: 2))
        let some = (0..<100).map { _ in first.next(inputs) }
        #expect(some == (0..<100).map { _ in second.next(inputs) })
        #expect(some != (0..<100).map { _ in other.next(inputs) })
    }

    private static func input(_ execution: Int, _ decoder: Decoder) throws -> [UInt8] {
        let inputs = try Corpus(decoder).inputs
        var mutator = Mutator(seed: seed)
        for _ in 0..<execution { _ = mutator.next(inputs) }
        return mutator.next(inputs)
    }
}
