import Failures
import TensorFiles
import Testing

@Suite("The small parsers")
struct ParserTests {
    private func frame(_ bytes: [UInt8]) -> ZstdFrameHeader.Parsed {
        bytes.withUnsafeBytes { ZstdFrameHeader.parse($0) }
    }

    @Test("a zstd frame header is read as RFC 8878 lays it out")
    func frames() {
        let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
        func header(_ window: UInt64, _ content: UInt64?, _ checksum: Bool, dictionary: Bool = false)
            -> ZstdFrameHeader.Parsed
        {
            .header(
                .frame(windowSize: window, contentSize: content, hasChecksum: checksum, dictionary: dictionary))
        }
        // No size, a window of 1 KB and seven eighths, a checksum.
        #expect(frame(magic + [0x04, 0x07]) == header(1_920, nil, true))
        // One segment: the window is the content; sizes of 1, 2 (plus 256), 4 and 8 bytes.
        #expect(frame(magic + [0x20, 9]) == header(9, 9, false))
        #expect(frame(magic + [0x60, 1, 0]) == header(257, 257, false))
        #expect(frame(magic + [0xA0, 0, 0, 1, 0]) == header(65_536, 65_536, false))
        #expect(frame(magic + [0xE0, 0, 0, 0, 0, 1, 0, 0, 0]) == header(1 << 32, 1 << 32, false))
        #expect(frame(magic + [0x00, 0xFF]) == header((1 << 41) / 8 * 15, nil, false))
        #expect(frame(magic + [0x23, 1, 0, 0, 0, 7]) == header(7, 7, false, dictionary: true))
        #expect(frame([0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0]) == .header(.skippable(length: 11)))
        #expect(frame(magic) == .needsMore)
        #expect(frame([0x28, 0xB5]) == .needsMore)
        #expect(frame([0x51]) == .needsMore)
        #expect(frame([0x28, 0xB6]) == .notZstd)
        #expect(frame(Array("text".utf8)) == .notZstd)
    }

    @Test("JSON arrays of strings are read with all escapes")
    func strings() throws {
        #expect(try JSONStrings.strings(#" [ "a" , "\u00fc\ud83d\ude00\n\"\\\/" , "" ] "#) == ["a", "ü😀\n\"\\/", ""])
        #expect(try JSONStrings.strings(#"["\b\f\n\r\t"]"#) == ["\u{8}\u{c}\n\r\t"])
        #expect(try JSONStrings.strings("[]").isEmpty)
        let all = ["\u{0}\u{1f}", "ä\"\\", "\u{2028}", "🜁"]
        #expect(try JSONStrings.strings(JSONStrings.array(all)) == all)
    }

    @Test(
        "what is not quite JSON is refused",
        arguments: [
            "", "[", "[\"a\"", "[\"a]", "[\"a\",]", "[,]", "[\"a\"]x", "[\"a\" \"b\"]", "[\"\t\"]", "[\"\\q\"]",
            "[\"\\u12\"]", "[\"\\u+123\"]", "[\"\\udc00\"]", "[\"\\ud800\\u0041\"]", "[null]", "{}", "\"a\"", "['a']",
        ])
    func notJSON(text: String) {
        #expect(throws: JSONScanner.Fault.self) { try JSONStrings.strings(text) }
    }

    private func npy(_ literal: String) throws -> TensorEntry {
        try #require(try NpyHeader.parse(Array(literal.utf8), prefixBytes: 10, path: "f").entries.first)
    }

    @Test("npy dictionaries are read in any order, spacing and quotes")
    func npyAccepted() throws {
        let expected = TensorEntry(name: "embeddings", type: .float16, shape: [3, 2], span: 0..<12)
        for literal in [
            "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 2), }     \n",
            "{\"shape\":(3,2,),\"fortran_order\":False,\"descr\":\"<f2\"}",
        ] { #expect(try npy(literal) == expected) }
    }

    @Test(
        "npy dictionaries that are damaged are corrupt_npy",
        arguments: [
            "", "{", "{}", "{'descr': '<f2'}", "{'descr': '<f2', 'fortran_order': 0, 'shape': (3, 2)}",
            "{'descr': '<f2', 'fortran_order': False, 'shape': (3, -2)}",
            "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 2)} x",
            "{'descr': '<f2', 'descr': '<f2', 'fortran_order': False, 'shape': (3, 2)}",
            "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 2), 'x': 1}",
            "{'descr': '<f2', 'fortran_order': False, 'shape': (3)}",
            "{'descr': '<f2', 'fortran_order': False, 'shape': (99999999999999999999, 2)}",
            "{'descr': '<f2', 'fortran_order': False, 'shape': (" + String(repeating: "(", count: 9_999) + ")}",
        ])
    func npyDamaged(literal: String) {
        #expect(throws: Failure(.corruptNpy, "")) { try npy(literal) }
    }
}
