import Spooling
import Testing

@Suite("File names")
struct FileNameTests {
    @Test(
        "names of unfinished files are not looked at",
        arguments: [
            (".hidden", true), (".tmp", true), ("a.tmp", true), ("a.part", true), ("a.PARTIAL", true),
            ("a.filepart", true), ("a.safetensors.zst", false), ("part", false), ("a.tmp.npy", false), ("tmp", false),
            ("a.temp", false),
        ])
    func ignored(name: String, isIgnored: Bool) throws {
        #expect(try #require(FileName(name)).isIgnored == isIgnored)
    }

    @Test("what cannot name a directory entry is no name")
    func invalid() {
        #expect(FileName("") == nil)
        #expect(FileName(".") == nil)
        #expect(FileName("..") == nil)
        #expect(FileName("a/b") == nil)
        #expect(FileName([0x61, 0]) == nil)
        #expect(FileName([UInt8](repeating: 0x61, count: 256)) == nil)
        #expect(FileName([UInt8](repeating: 0x61, count: 255)) != nil)
        #expect(FileName("...") != nil)
    }

    @Test("text shows UTF-8 as it is and escapes every other byte, so that no two names read the same")
    func display() throws {
        func text(_ bytes: [UInt8]) throws -> String { try #require(FileName(bytes)).displayText }
        #expect(try text(Array("größe 7.npy".utf8)) == "größe 7.npy")
        #expect(try text([0x61, 0xFF, 0x62]) == "a\\xFFb")
        #expect(try text([0xE2, 0x82]) == "\\xE2\\x82")
        #expect(try text(Array("a\nb".utf8)) == "a\\x0Ab")
        #expect(try text(Array("a\\xFFb".utf8)) == "a\\x5CxFFb")
        #expect(try text(Array("\u{202E}gpj".utf8)) == "\\xE2\\x80\\xAEgpj")
        #expect(try text([0xFF] + Array("é".utf8)) == "\\xFFé")
    }

    @Test("settled names keep the job id and the extension, and fit")
    func settled() throws {
        let short = try #require(FileName("batch.safetensors.zst"))
        #expect(short.settled(jobID: 12).displayText == "12--batch.safetensors.zst")

        let long = try #require(FileName(String(repeating: "x", count: 239) + ".safetensors.zst"))
        let settled = long.settled(jobID: 1_234_567)
        #expect(settled.bytes.count == 255)
        #expect(settled.displayText.hasPrefix("1234567--xxx"))
        #expect(settled.displayText.hasSuffix("x.safetensors.zst"))

        let token = try #require(ClaimToken("0123456789abcdef"))
        let marked = long.settled(jobID: 7, mark: token, limit: 242)
        #expect(marked.bytes.count == 242)
        #expect(marked.displayText.hasPrefix("7-0123456789abcdef--xxx"))
    }

    @Test("names of any 255 bytes are shortened to names, and characters are not cut in two")
    func shortened() throws {
        let characters = try #require(FileName(String(repeating: "ü", count: 125) + ".npy"))
        let settled = characters.settled(jobID: 10, limit: 242)
        #expect(settled.bytes.count <= 242)
        #expect(settled.displayText == "10--" + String(repeating: "ü", count: 117) + ".npy")

        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let bytes = (0..<255).map { _ in [0x2E, 0x80, 0xBF, 0x61].randomElement(using: &generator) ?? UInt8(0x61) }
            let name = try #require(FileName(bytes))
            let short = name.settled(jobID: .max, limit: 242)
            #expect(FileName(short.bytes) == short)
            #expect(short.bytes.count <= 242)
            #expect(FileName(name.numbered("-17").bytes) != nil)
            let ordinary = try #require(FileName(Array(bytes.prefix(200))))
            #expect(ordinary.markedAgain.withoutAgainMark == ordinary)
        }
    }

    @Test("a number goes before the extension")
    func numbered() throws {
        #expect(try #require(FileName("a.safetensors.zst")).numbered("-2").displayText == "a-2.safetensors.zst")
        #expect(try #require(FileName("README")).numbered("-2").displayText == "README-2")
        #expect(try #require(FileName("a.b.c")).numbered("-3").displayText == "a.b-3.c")
        let long = try #require(FileName(String(repeating: "x", count: 255)))
        #expect(long.numbered("-2").bytes.count == 255)
    }

    @Test("the mark of bytes to be computed again goes before the extension and off again")
    func againMark() throws {
        let name = try #require(FileName("a.safetensors.zst"))
        #expect(name.markedAgain.displayText == "a--again.safetensors.zst")
        #expect(name.markedAgain.withoutAgainMark == name)
        for other in ["a.npy", "--again.npy", "again.npy", "a--again-2.npy", "a.npy--again"] {
            #expect(try #require(FileName(other)).withoutAgainMark == nil)
        }
    }

    @Test("tokens are 16 lower-case hexadecimal digits, and all different")
    func tokens() {
        #expect(ClaimToken("0123456789abcdef") != nil)
        #expect(ClaimToken("0123456789ABCDEF") == nil)
        #expect(ClaimToken("0123456789abcde") == nil)
        let drawn = (0..<1000).map { _ in ClaimToken.random() }
        #expect(Set(drawn).count == 1000)
        #expect(drawn.allSatisfy { ClaimToken($0.text) == $0 })
    }
}
