import EmbeddingSets
import Failures
import TensorFiles
import TestSupport
import Testing

@Suite("Whether a model can read a set")
struct CompatibilityTests {
    private func header(encoder: String?) -> EmbeddingSetHeader {
        var header = EmbeddingSetHeader(rows: 1, dimension: 384, elementType: .float16)
        header.encoder = encoder
        return header
    }

    @Test("the same dimension and encoder are fine; an encoder that either side leaves out is no error")
    func fits() throws {
        #expect(try header(encoder: "E").checkCompatible(dimension: 384, encoder: "E") == nil)
        #expect(try header(encoder: "E").checkCompatible(dimension: 384, encoder: nil) == nil)
        #expect(try header(encoder: nil).checkCompatible(dimension: 384, encoder: nil) == nil)
        let warning = try #require(try header(encoder: nil).checkCompatible(dimension: 384, encoder: "E"))
        #expect(warning.contains("\"E\""))
    }

    @Test("a refusal names both sides")
    func refusals() throws {
        do {
            try header(encoder: "mine").checkCompatible(dimension: 384, encoder: "theirs")
            Issue.record("not refused")
        } catch let failure as Failure {
            #expect(failure.code == .encoderMismatch)
            #expect(failure.message.contains("mine") && failure.message.contains("theirs"))
        }
        do {
            try header(encoder: nil).checkCompatible(dimension: 512, encoder: nil)
            Issue.record("not refused")
        } catch let failure as Failure {
            #expect(failure.code == .dimensionMismatch)
            #expect(failure.message.contains("384") && failure.message.contains("512"))
        }
    }

    @Test("a set whose parts differ in rows is not written")
    func unequalRows() throws {
        let folder = try Scratch()
        var set = EmbeddingSet(dimension: 2, embeddings: [1, 2, 3, 4])
        set.labels = [0]
        set.classes = ["a"]
        #expect(throws: Failure(.invalidArgument, "")) { try set.write(to: folder("s")) }
        set.labels = [0, 0]
        set.classes = nil
        #expect(throws: Failure(.invalidArgument, "")) { try set.write(to: folder("s")) }
        #expect(try folder.names().isEmpty)
    }
}
