import Failures
import Testing

@Suite("foreign text")
struct ForeignTextTests {
    @Test("a message is one line that no terminal obeys, and what was escaped before stays as it is")
    func messages() {
        let failure = Failure(.internal, "a\nb \u{1B}]0;x\u{7} \u{202E} \\x0A grün", cause: "c\r")
        #expect(failure.message == "a\\x0Ab \\x1B]0;x\\x07 \\xE2\\x80\\xAE \\x0A grün")
        #expect(failure.cause == "c\\x0D")
    }

    @Test("what a message quotes is escaped and cut after 80 characters, however they combine")
    func quoted() {
        #expect(ForeignText.quoted("a\"b\\ü\0") == "\"a\"b\\x5Cü\\x00\"")
        let exact = String(repeating: "x", count: 80)
        #expect(ForeignText.quoted(exact) == "\"\(exact)\"")
        #expect(ForeignText.quoted(exact + "y") == "\"\(exact)…\"")
        let tower = "e" + String(repeating: "\u{301}", count: 1_000_000)
        #expect(ForeignText.quoted(tower).unicodeScalars.count == 83)
    }

    @Test("bytes that are no UTF-8 become distinct text")
    func bytes() {
        #expect(ForeignText.escaped([0x61, 0xFF, 0xC3, 0xBC, 0xC3, 0x0A]) == "a\\xFFü\\xC3\\x0A")
        #expect(ForeignText.escaped([0xED, 0xA0, 0x80]) == "\\xED\\xA0\\x80")
    }
}
