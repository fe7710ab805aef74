import EmbeddingSets
import Failures
import Foundation
import Glibc
import TensorFiles
import Testing

@Suite("Things that are not regular files")
struct SpecialFileTests {
    @Test("a FIFO is refused at once, without waiting for a writer")
    func fifo() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo(folder.path("fifo"), 0o600) == 0)
        #expect(try refusal(folder.path("fifo"))?.code == .unsupportedFormat)
    }

    @Test("a directory and a device are refused")
    func directory() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path("d"), withIntermediateDirectories: false)
        #expect(try refusal(folder.path("d"))?.code == .unsupportedFormat)
        #expect(try refusal("/dev/null")?.code == .unsupportedFormat)
    }

    @Test("a symbolic link is refused in a spool and followed where a person names it")
    func link() throws {
        let folder = try TemporaryFolder()
        let target = Fixtures.path("good", "f32-v1.npy")
        try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: target)
        #expect(try refusal(folder.path("link"))?.code == .unsupportedFormat)
        #expect(try refusal(folder.path("link"), limits: .commandLine) == nil)
    }

    @Test("a missing file is not_found")
    func missing() throws {
        let folder = try TemporaryFolder()
        #expect(try refusal(folder.path("nothing"))?.code == .notFound)
        #expect(try refusal(folder.path("nothing/below"))?.code == .notFound)
    }
}
