import EmbeddingSets
import Failures
import Testing

@Suite("labels and ids given as text")
struct LabelListTests {
    @Test("without a list of classes the names that occur are the classes, sorted")
    func namesAlone() throws {
        let list = try LabelList(lines: ["owl", "cat", "", "owl", "-1"], classes: nil)
        #expect(list.classes == ["cat", "owl"])
        #expect(list.labels == [1, 0, -1, 1, -1])
    }

    @Test("with a list of classes a line is a name or an index, and a name wins")
    func givenClasses() throws {
        let list = try LabelList(lines: ["b", "0", "1"], classes: ["a", "b", "1"])
        #expect(list.labels == [1, 0, 2])
    }

    @Test("a name that is no class is refused with its line")
    func unknownName() {
        let refusal = #expect(throws: Failure.self) { try LabelList(lines: ["a", "x"], classes: ["a"]) }
        #expect(refusal?.code == .invalidArgument)
        #expect(refusal?.message.contains("line 2") == true)
        #expect(throws: Failure(.invalidArgument, "")) { try LabelList(lines: ["1"], classes: ["a"]) }
    }

    @Test("ids are integers only if every one is an integer written the short way")
    func ids() {
        #expect(ItemIDs(texts: ["1", "-20"]) == .integers([1, -20]))
        #expect(ItemIDs(texts: ["1", "02"]) == .utf8(bytes: Array("102".utf8), offsets: [0, 1, 3]))
        let mixed = ItemIDs(texts: ["a", "", "€"])
        #expect((0..<3).map { mixed.text($0) } == ["a", "", "€"])
    }
}
