import EmbeddingSets
import Failures
import Foundation
import Glibc
import TensorFiles
import TestSupport
import Testing

@Suite("Things that are not regular files")
struct SpecialFileTests {
    @Test("a FIFO is refused at once, without waiting for a writer")
    func fifo() throws {
        let folder = try Scratch()
        #expect(mkfifo(folder("fifo"), 0o600) == 0)
        #expect(try refusal(folder("fifo"))?.code == .unsupportedFormat)
    }

    @Test("a directory and a device are refused")
    func directory() throws {
        let folder = try Scratch()
        try FileManager.default.createDirectory(atPath: folder("d"), withIntermediateDirectories: false)
        #expect(try refusal(folder("d"))?.code == .unsupportedFormat)
        #expect(try refusal("/dev/null")?.code == .unsupportedFormat)
    }

    @Test("a symbolic link is refused in a spool and followed where a person names it")
    func link() throws {
        let folder = try Scratch()
        let target = Fixtures.path("good", "f32-v1.npy")
        try FileManager.default.createSymbolicLink(atPath: folder("link"), withDestinationPath: target)
        #expect(try refusal(folder("link"))?.code == .unsupportedFormat)
        #expect(try refusal(folder("link"), limits: .commandLine) == nil)
    }

    @Test("a missing file is not_found")
    func missing() throws {
        let folder = try Scratch()
        #expect(try refusal(folder("nothing"))?.code == .notFound)
        #expect(try refusal(folder("nothing/below"))?.code == .notFound)
    }
}
