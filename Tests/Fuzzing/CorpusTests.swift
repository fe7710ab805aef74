import TestSupport
import Testing

@Suite("The fuzzers' corpus, without libFuzzer")
struct CorpusTests {
    /// Memory for one small input: the limits allow a zstd window, and a model of 64 MB with its copies.
    static let bytes = 512 << 20

    @Test("every committed input is accepted, or refused with the code in its name", arguments: Decoder.allCases)
    func replay(decoder: Decoder) async throws {
        let folder = try Scratch()
        let path = folder("position")
        let result = await #expect(processExitsWith: .success) { [decoder, path = path as String] in
            let (corpus, file, position) = (try Corpus(decoder), try MemoryFile(), try Position(path: path))
            #expect(corpus.inputs.count >= 4)
            try Confinement.enter(bytes: CorpusTests.bytes, seconds: 120)
            for (number, input) in corpus.inputs.enumerated() {
                position.note(number)
                do {
                    let code = try decoder.outcome(of: input.bytes, in: file)
                    #expect(input.expected.allows(code), "\(input.name): \(code?.rawValue ?? "accepted")")
                } catch {
                    Issue.record("\(input.name): \(error)")
                }
            }
        }
        if result == nil, let number = try Position(path: path).noted {
            Issue.record("the process ended at \(try Corpus(decoder).inputs[number].name)")
        }
    }
}
