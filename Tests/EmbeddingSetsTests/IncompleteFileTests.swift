import EmbeddingSets
import Failures
import Foundation
import TensorFiles
import TestSupport
import Testing

@Suite("Files that are not all there yet")
struct IncompleteFileTests {
    @Test(
        "a file cut anywhere is incomplete, so that the service waits for the rest",
        arguments: [
            "f16-ids-labels.safetensors", "f32-anyorder-textids-velocity.safetensors", "f16-velocity.safetensors",
            "f16-ids-labels-oneshot.safetensors.zst", "f16-ids-labels-nosize.safetensors.zst",
            "f16-ids-labels-streamed-checksum.safetensors.zst", "f16-ids-labels-frames.safetensors.zst",
            "f32-textids-velocity.safetensors.zst", "f32-v1.npy", "f16-v2.npy", "f32-v3.npy", "f16-oneshot.npy.zst",
        ])
    func truncated(name: String) throws {
        let folder = try Scratch()
        let bytes = try Fixtures.bytes(name)
        for count in 0..<bytes.count {
            let failure = try refusal(folder.write(Array(bytes[..<count]), to: "cut"))
            #expect(failure?.code == .incomplete, "\(count) of \(bytes.count) bytes")
        }
    }

    @Test("a file that grows, shrinks or is rewritten during the second pass is incomplete", arguments: 0..<3)
    func changing(kind: Int) throws {
        let folder = try Scratch()
        let rows = 20_000
        let set = EmbeddingSet(dimension: 64, embeddings: [Float](repeating: 0.5, count: rows * 64))
        let path = folder("set.safetensors")
        try set.write(to: path)
        let before = try EmbeddingSetFile.inspect(path: path)
        #expect(throws: Failure(.incomplete, "")) {
            try EmbeddingSetFile.stream(path: path, chunkRows: 100) { chunk in
                guard chunk.firstRow == 0 else { return }
                let handle = try #require(FileHandle(forUpdatingAtPath: path))
                switch kind {
                case 0:
                    try handle.seekToEnd()
                    try handle.write(contentsOf: Data([1]))
                case 1: try handle.truncate(atOffset: UInt64(before.fileBytes / 2))
                default:
                    try handle.seek(toOffset: UInt64(before.fileBytes - 4))
                    try handle.write(contentsOf: Data([1, 2, 3, 4]))
                }
                try handle.close()
            }
        }
    }

    @Test("other bytes give another hash")
    func hash() throws {
        let folder = try Scratch()
        var bytes = try Fixtures.bytes("f16-ids-labels.safetensors")
        let path = try folder.write(bytes, to: "set")
        let first = try EmbeddingSetFile.inspect(path: path).sha256
        bytes[bytes.count - 1] ^= 1
        try folder.write(bytes, to: "set")
        let second = try EmbeddingSetFile.stream(path: path) { _ in }.inspection.sha256
        #expect(first != second)
        #expect(first.count == 64)
    }

    @Test("a body that throws stops the pass")
    func stop() throws {
        struct Enough: Error {}
        var chunks = 0
        #expect(throws: Enough.self) {
            try EmbeddingSetFile.stream(path: Fixtures.path("good", "f32-v1.npy"), chunkRows: 1) { _ in
                chunks += 1
                if chunks == 2 { throw Enough() }
            }
        }
        #expect(chunks == 2)
    }
}
