import Failures
import Foundation
import TensorFiles
import TestSupport
import Testing

@Suite("Writing tensor files")
struct WriterTests {
    private let folder: Scratch
    private static let tensors: [SafetensorsFileWriter.Tensor] = [
        .init("vectors", .float16, shape: [4, 3]), .init("score", .float32, shape: [4]),
        .init("ids", .int64, shape: [4]), .init("status", .uint8, shape: [4]),
    ]
    private let vectors = (0..<12).map { Float($0) / 4 }

    init() throws {
        folder = try Scratch()
    }

    private func fill(_ writer: SafetensorsFileWriter) throws {
        for row in 0..<4 {
            try Array(vectors[3 * row..<3 * row + 3]).withUnsafeBufferPointer {
                try writer.append("vectors", floats: $0)
            }
            try [Float(row)].withUnsafeBufferPointer { try writer.append("score", floats: $0) }
            try writer.append("status", integers: [row])
        }
        try writer.append("ids", integers: [5, -6, 7, 8])
    }

    @Test("pieces appended to several tensors in turn make the file that memory makes", arguments: ["f", "f.zst"])
    func pieces(name: String) throws {
        let writer = try SafetensorsFileWriter(path: folder(name), tensors: Self.tensors, metadata: ["k": "v"])
        try fill(writer)
        #expect(try folder.names().allSatisfy { $0.hasPrefix(".sono-") && $0.hasSuffix(".tmp") })
        let written = try writer.finish()
        #expect(try folder.names() == [name])

        var memory = SafetensorsWriter(metadata: ["k": "v"])
        try memory.add("ids", shape: [4], integers: [5, -6, 7, 8], as: .int64)
        try memory.add("vectors", shape: [4, 3], floats: vectors, as: .float16)
        try memory.add("status", shape: [4], integers: [0, 1, 2, 3], as: .uint8)
        try memory.add("score", shape: [4], floats: [0, 1, 2, 3])
        let whole = try memory.write(to: folder("whole." + name))
        #expect(written.sha256 == whole.sha256)
        #expect(written.bytes == whole.bytes)

        let file = try TensorFile.read(path: folder(name))
        #expect(file.sha256 == written.sha256)
        #expect(file.fileBytes == written.bytes)
        #expect(file.checksum == (name == "f" ? nil : .verified))
        #expect(file.metadata == ["k": "v"])
        #expect(file.entries.map(\.name) == ["ids", "score", "vectors", "status"])
        #expect(try file.floats("vectors") == vectors)
        #expect(try file.integers("ids") == [5, -6, 7, 8])
        #expect(try file.integers("status") == [0, 1, 2, 3])
        #expect(try file.bytes("status") == [0, 1, 2, 3])
        #expect(throws: Failure.self) { try file.floats("ids") }
        #expect(throws: Failure.self) { try file.integers("score") }
        #expect(throws: Failure.self) { try file.bytes("nothing") }
    }

    @Test(
        "the payload starts at a multiple of 8 bytes, whatever the names", arguments: ["a", "ab", "abc", "äöü", "\"\\"])
    func alignment(name: String) throws {
        var writer = SafetensorsWriter()
        try writer.add(name, shape: [1], floats: [1])
        let bytes = try writer.encoded()
        #expect((bytes.count - 4) % 8 == 0)
        try Data(bytes).write(to: URL(fileURLWithPath: folder("f")))
        #expect(try TensorFile.read(path: folder("f")).floats(name) == [1])
    }

    @Test("a file that is given up leaves nothing behind and harms nothing")
    func abandoned() throws {
        try AtomicFile.write([1, 2, 3], to: folder("f"))
        do {
            let writer = try SafetensorsFileWriter(path: folder("f"), tensors: Self.tensors)
            try writer.append("ids", integers: [1])
            #expect(throws: Failure(.invalidArgument, "")) { try writer.finish() }
        }
        #expect(try folder.names() == ["f"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder("f"))) == Data([1, 2, 3]))
    }

    @Test("what a killed writer left behind goes with the next write, what a living one is at stays")
    func leftovers() throws {
        // Of a writer that is no more nothing is left but the file, as after SIGKILL.
        try folder.write([1, 2, 3], to: ".sono-0123456789abcdef.tmp")
        try folder.write([4], to: ".sono-other")
        let living = open(try folder.write([5], to: ".sono-fedcba9876543210.tmp"), O_RDWR)
        try #require(living >= 0 && flock(living, LOCK_EX) == 0)
        defer { close(living) }
        try AtomicFile.write([6], to: folder("f"))
        #expect(try folder.names() == [".sono-fedcba9876543210.tmp", ".sono-other", "f"])
    }

    @Test("a writer holds the lock by which others know that it lives")
    func lock() throws {
        let writer = try AtomicFile(path: folder("f"))
        let name = try #require(try folder.names().first)
        let other = open(folder(name), O_RDWR)
        defer { close(other) }
        #expect(flock(other, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK)
        try writer.publish()
    }

    @Test("where something stands that is no file, nothing is written and nothing replaced")
    func noFile() throws {
        try FileManager.default.createDirectory(atPath: folder("d"), withIntermediateDirectories: false)
        try #require(mkfifo(folder("pipe"), 0o600) == 0)
        for name in ["d", "pipe"] {
            #expect(throws: Failure(.invalidArgument, "")) { try AtomicFile.write([1], to: folder(name)) }
        }
        #expect(try folder.names() == ["d", "pipe"])
    }

    @Test("more bytes than declared, numbers that do not fit and unknown names are refused")
    func refusals() throws {
        let writer = try SafetensorsFileWriter(path: folder("f"), tensors: Self.tensors)
        #expect(throws: Failure(.invalidArgument, "")) { try writer.append("ids", integers: [1, 2, 3, 4, 5]) }
        #expect(throws: Failure(.invalidArgument, "")) { try writer.append("status", integers: [256]) }
        #expect(throws: Failure(.invalidArgument, "")) { try writer.append("other", integers: [1]) }
        var memory = SafetensorsWriter()
        #expect(throws: Failure(.invalidArgument, "")) { try memory.add("a", shape: [2], floats: [1]) }
        try memory.add("a", shape: [1], floats: [1])
        try memory.add("a", shape: [1], floats: [1])
        #expect(throws: Failure(.invalidArgument, "")) { try memory.encoded() }
    }

    @Test("an existing file is replaced whole; a missing directory is an error")
    func replace() throws {
        try AtomicFile.write([1], to: folder("f"))
        try AtomicFile.write([2, 3], to: folder("f"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder("f"))) == Data([2, 3]))
        #expect(throws: Failure(.ioError, "")) { try AtomicFile.write([1], to: folder("no/f")) }
    }

    @Test("a directory is made with what is missing above it, and may be there; what is in its way is an error")
    func directories() throws {
        for _ in 0..<2 { try AtomicFile.makeDirectory(folder("a/b/c")) }
        try AtomicFile.write([1], to: folder("a/b/c/f"))
        #expect(throws: Failure(.ioError, "")) { try AtomicFile.makeDirectory(folder("a/b/c/f/d")) }
    }
}
