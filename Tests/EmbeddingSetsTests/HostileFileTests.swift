import EmbeddingSets
import Failures
import TensorFiles
import TestSupport
import Testing

@Suite("Files that mean harm")
struct HostileFileTests {
    private let folder: Scratch

    init() throws {
        folder = try Scratch()
    }

    private func code(_ bytes: [UInt8], limits: FileLimits = FileLimits()) throws -> FailureCode? {
        try refusal(folder.write(bytes, to: "file"), limits: limits)?.code
    }

    private func tensor(_ span: String, shape: String = "[2,2]", type: String = "F32") -> String {
        "{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(span)}"
    }

    @Test("the plain header that the others spoil is accepted")
    func baseline() throws {
        #expect(try code(safetensors("{\"embeddings\":\(tensor("[0,16]"))}", payload: 16)) == nil)
    }

    @Test(
        "a broken header is corrupt_safetensors",
        arguments: [
            "{", "{}}", "{\"a\"", "{\"embeddings\":[]}", "{\"embeddings\":{}}", "{,}", "{\"a\":1}", "{'a':{}}",
            "{\"__metadata__\":{\"a\":1}}", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", "{\"__metadata__\":[]}",
            "{\"__metadata__\":{},\"__metadata__\":{}}", "{\"\u{1}\":{}}", "{\"\\ud800\":{}}", "{\"\\x\":{}}",
        ])
    func brokenHeader(json: String) throws {
        #expect(try code(safetensors(json)) == .corruptSafetensors)
    }

    @Test(
        "a tensor that does not fit its span is corrupt_safetensors",
        arguments: [
            ("[0,15]", "[2,2]"), ("[0,17]", "[2,2]"), ("[16,0]", "[2,2]"), ("[0]", "[2,2]"), ("[0,16,16]", "[2,2]"),
            ("[-16,0]", "[2,2]"), ("[0,16]", "[-2,-2]"), ("[0,16]", "[2,-2]"), ("[0.0,16]", "[2,2]"),
            ("[0,16]", "[2e0,2]"), ("[0,16]", "[2,2,1,1,1,1,1,1,1]"), ("[0,16]", "[02,2]"), ("[1,17]", "[2,2]"),
            ("[0,16]", "[4]"), ("[0,99999999999999999999]", "[2,2]"),
        ])
    func misfit(span: String, shape: String) throws {
        #expect(
            try code(safetensors("{\"embeddings\":\(tensor(span, shape: shape))}", payload: 16)) == .corruptSafetensors)
    }

    @Test("members that nobody knows are refused, and types that nobody knows where they would have to be read")
    func unknownMembers() throws {
        let extra = "{\"embeddings\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16],\"x\":1}}"
        #expect(try code(safetensors(extra, payload: 16)) == .corruptSafetensors)
        let type = "{\"embeddings\":\(tensor("[0,4]", type: "F8_E4M3"))}"
        #expect(try code(safetensors(type, payload: 4)) == .unsupportedFormat)
        let huge = "[4611686018427387904,8]"
        let product = "{\"embeddings\":\(tensor("[0,16]")),\"x\":\(tensor("[16,20]", shape: huge, type: "F4"))}"
        #expect(try code(safetensors(product, payload: 20)) == .tooLarge)
    }

    @Test("a tensor that nobody needs may be of any type, and is skipped with a warning")
    func unknownType() throws {
        let json =
            "{\"scale\":\(tensor("[0,3]", shape: "[3]", type: "F8_E4M3")),\"embeddings\":\(tensor("[3,19]"))}"
        let path = try folder.write(safetensors(json, payload: 19), to: "file")
        #expect(try refusal(path) == nil)
        #expect(try EmbeddingSetFile.inspect(path: path).header.warnings.contains { $0.contains("scale") })
    }

    @Test("overlaps, holes and bytes that belong to no tensor are refused")
    func cover() throws {
        func two(_ first: String, _ second: String) -> String {
            "{\"embeddings\":\(tensor(first)),\"b\":\(tensor(second))}"
        }
        #expect(try code(safetensors(two("[0,16]", "[16,32]"), payload: 32)) == nil)
        #expect(try code(safetensors(two("[0,16]", "[8,24]"), payload: 24)) == .corruptSafetensors)
        #expect(try code(safetensors(two("[0,16]", "[0,16]"), payload: 16)) == .corruptSafetensors)
        #expect(try code(safetensors(two("[0,16]", "[20,36]"), payload: 36)) == .corruptSafetensors)
        #expect(try code(safetensors(two("[0,16]", "[16,32]"), payload: 33)) == .corruptSafetensors)
        #expect(
            try code(
                safetensors("{\"embeddings\":\(tensor("[0,16]")),\"embeddings\":\(tensor("[16,32]"))}", payload: 32))
                == .corruptSafetensors)
    }

    @Test(
        "shapes whose product overflows, or that are beyond the limits, are too_large",
        arguments: [
            "[4611686018427387904,4]", "[9223372036854775807,9223372036854775807]", "[0,9223372036854775807]",
        ])
    func absurdShapes(shape: String) throws {
        #expect(try code(safetensors("{\"embeddings\":\(tensor("[0,0]", shape: shape))}")) == .tooLarge)
        let npy = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape.dropFirst().dropLast())), }\n"
        let header: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(npy.utf8.count), 0]
        #expect(try code(header + Array(npy.utf8)) == .tooLarge)
    }

    @Test("a header nested a million deep costs nothing")
    func deepJSON() throws {
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(try code(safetensors("{\"embeddings\":\(deep)")) == .corruptSafetensors)
        let object = String(repeating: "{\"a\":", count: 200_000)
        #expect(try code(safetensors(object)) == .corruptSafetensors)
        let classes = "{\"__metadata__\":{\"classes\":\"\(deep)\"},\"embeddings\":\(tensor("[0,16]"))}"
        #expect(try code(safetensors(classes, payload: 16)) == .corruptSafetensors)
    }

    @Test("every limit of FileLimits is kept, and is too_large")
    func limits() throws {
        let file = safetensors(
            "{\"__metadata__\":{\"a\":\"b\",\"c\":\"d\"},\"embeddings\":\(tensor("[0,16]")),\"b\":\(tensor("[16,32]"))}",
            payload: 32)
        func refused(_ change: (inout FileLimits) -> Void) throws -> Bool {
            var limits = FileLimits()
            change(&limits)
            return try code(file, limits: limits) == .tooLarge
        }
        #expect(try !refused { _ in })
        #expect(try refused { $0.fileBytes = file.count - 1 })
        #expect(try refused { $0.decodedBytes = file.count - 1 })
        #expect(try !refused { $0.decodedBytes = file.count })
        #expect(try refused { $0.headerBytes = 100 })
        #expect(try refused { $0.entries = 1 })
        #expect(try refused { $0.rows = 1 })
        #expect(try refused { $0.columns = 1 })
        let textIDs = Fixtures.path("good", "f32-textids.safetensors")
        var few = FileLimits()
        few.idBytes = 3
        #expect(try refusal(textIDs, limits: few)?.code == .tooLarge)
    }

    @Test("a header that claims terabytes is refused before anything is allocated")
    func hugeHeader() throws {
        #expect(try code([0, 0, 0, 0, 0xFF, 0, 0, 0] + Array("{".utf8)) == .tooLarge)
        #expect(try code([0x93] + Array("NUMPY".utf8) + [2, 0, 0xFF, 0xFF, 0xFF, 0xFF]) == .tooLarge)
    }

    @Test(
        "any byte may be any other: the file is read or refused with a code, and never internal",
        arguments: [
            "f16-ids-labels.safetensors", "f32-textids.safetensors", "f16-v2.npy", "f16-oneshot.npy.zst",
            "f16-ids-labels-frames.safetensors.zst",
        ])
    func spoiledBytes(name: String) throws {
        let good = try Fixtures.bytes(name)
        for position in good.indices {
            for byte: UInt8 in [0x00, 0x20, 0x22, 0x5B, 0x7B, 0x7F, 0x80, 0xFF] {
                var bytes = good
                bytes[position] = byte
                #expect(try code(bytes) != .internal, "byte \(position) = \(byte)")
            }
        }
    }

    @Test("ids, labels and metadata that do not fit the rows are refused")
    func schema() throws {
        func set(_ tensors: String, metadata: String = "", payload: Int) throws -> FailureCode? {
            try code(
                safetensors(
                    "{\"__metadata__\":{\(metadata)},\"embeddings\":\(tensor("[0,16]"))\(tensors)}",
                    payload: 16 + payload,
                    fill: 2))
        }
        let labels = ",\"labels\":\(tensor("[16,24]", shape: "[2]", type: "I32"))"
        #expect(try set("", payload: 0) == nil)
        #expect(try set(labels, payload: 8) == .corruptSafetensors)
        #expect(try set(labels, metadata: "\"classes\":\"[\\\"a\\\"]\"", payload: 8) == .corruptSafetensors)
        #expect(try set("", metadata: "\"classes\":\"[\\\"a\\\",\\\"a\\\"]\"", payload: 0) == .corruptSafetensors)
        #expect(try set("", metadata: "\"classes\":\"[1]\"", payload: 0) == .corruptSafetensors)
        #expect(try set("", metadata: "\"classes\":\"[]\"", payload: 0) == .corruptSafetensors)
        #expect(try set("", metadata: "\"texts\":\"[\\\"one\\\"]\"", payload: 0) == .corruptSafetensors)
        #expect(try set("", metadata: "\"schema\":\"embedding-set/10\"", payload: 0) == .unsupportedFormat)
        #expect(try set("", metadata: "\"schema\":\"embedding-set/1.3\"", payload: 0) == nil)
        #expect(try set(",\"ids\":\(tensor("[16,24]", shape: "[1]", type: "I64"))", payload: 8) == .corruptSafetensors)
        #expect(try set(",\"ids\":\(tensor("[16,24]", shape: "[2]", type: "I32"))", payload: 8) == .unsupportedFormat)
        #expect(
            try set(",\"ids_utf8\":\(tensor("[16,24]", shape: "[8]", type: "U8"))", payload: 8) == .corruptSafetensors)
        #expect(try set(",\"velocity\":\(tensor("[16,32]", shape: "[4,1]"))", payload: 16) == .corruptSafetensors)
    }

    @Test(
        "offsets of text ids must ascend, cover the bytes and split no character",
        arguments: [
            ([0, 1, 4], nil), ([1, 1, 4], .corruptSafetensors), ([0, 1, 3], .corruptSafetensors),
            ([0, 5, 4], .corruptSafetensors), ([0, -1, 4], .corruptSafetensors), ([0, 2, 4], .corruptSafetensors),
            ([0, Int64.max, 4], .corruptSafetensors),
        ] as [([Int64], FailureCode?)])
    func textIDs(offsets: [Int64], expected: FailureCode?) throws {
        #expect(try textIDs(bytes: Array("aäb".utf8), offsets: offsets) == expected)
    }

    @Test("text ids must be UTF-8 without NUL", arguments: [[0x61, 0xFF], [0x61, 0], [0xC3], [0xED, 0xA0, 0x80]])
    func invalidText(bytes: [UInt8]) throws {
        #expect(try textIDs(bytes: bytes, offsets: [0, 0, Int64(bytes.count)]) == .corruptSafetensors)
    }

    @Test("a text id has 4,096 bytes at most, in a file and on its way into one")
    func longIDs() throws {
        #expect(try textIDs(bytes: [UInt8](repeating: 0x61, count: 4_097), offsets: [0, 4_096, 4_097]) == nil)
        #expect(try textIDs(bytes: [UInt8](repeating: 0x61, count: 4_098), offsets: [0, 4_097, 4_098]) == .tooLarge)
        var set = EmbeddingSet(dimension: 1, embeddings: [1], ids: .utf8([String(repeating: "a", count: 4_097)]))
        #expect(throws: Failure(.invalidArgument, "")) { try set.write(to: folder("long")) }
        set.ids = .utf8([String(repeating: "a", count: 4_096)])
        try set.write(to: folder("long"))
    }

    @Test("a letter may bear 64 accents: more would take for ever to compare")
    func accents() throws {
        func json(_ count: Int) -> String {
            "{\"__metadata__\":{\"e\(String(repeating: "\u{301}", count: count))\":\"\"},"
                + "\"embeddings\":\(tensor("[0,16]"))}"
        }
        #expect(try code(safetensors(json(64), payload: 16)) == nil)
        #expect(try code(safetensors(json(65), payload: 16)) == .corruptSafetensors)
    }

    private func textIDs(bytes: [UInt8], offsets: [Int64]) throws -> FailureCode? {
        var writer = SafetensorsWriter()
        try writer.add("embeddings", shape: [2, 1], floats: [1, 2])
        try writer.add("ids_utf8", shape: [bytes.count], bytes: bytes, as: .uint8)
        try writer.add("ids_offsets", shape: [offsets.count], integers: offsets, as: .int64)
        return try code(writer.encoded())
    }
}
