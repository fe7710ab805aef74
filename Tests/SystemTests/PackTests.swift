import Foundation
import TensorFiles
import TestSupport
import Testing

@Suite("sono pack")
struct PackTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    /// A bare .npy of float32, written by hand.
    private func npy(_ values: [Float], columns: Int) throws -> String {
        var npy = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0])
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(values.count / columns), \(columns)), }"
        header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        npy += Data([118, 0]) + Data(header.utf8)
        values.withUnsafeBytes { npy.append(contentsOf: $0) }
        return try scratch.write(Array(npy), to: "rows.npy")
    }

    @Test("turns a bare .npy into a checked set that inspect and refine accept")
    func npy() throws {
        let input = try npy(Batches.embeddings(rows: 10, seed: 1), columns: Batches.dimension)
        let packed = try Sono.run(["pack", input, scratch("rows.safetensors.zst")])
        #expect(packed.status == 0, "\(packed.errors)")
        let inspected = try Sono.run(["inspect", "--json", scratch("rows.safetensors.zst")])
        #expect(inspected.status == 0, "\(inspected.errors)")
        #expect(try inspected.json()["schema"] as? String == "sono-inspect-set/1")
        let refined = try Sono.run([
            "refine", "--model", Batches.model.path, scratch("rows.safetensors.zst"), scratch("out.safetensors"),
        ])
        #expect(refined.status == 0, "\(refined.errors)")
        #expect(try Tensors(path: scratch("out.safetensors")).shape("embeddings") == [10, Batches.dimension])
    }

    @Test("takes labels, ids, classes and texts from text files, whatever ends their lines", arguments: ["\n", "\r\n"])
    func textFiles(end: String) throws {
        let input = try npy([1, 0, 0, 1, .nan, 0, 0, 0], columns: 2)
        let files: [(String, [String])] = [
            ("labels", ["owl", "", "cat", "-1"]), ("classes", ["owl", "cat"]), ("ids", ["a", "b\u{2028}c", "ü", ""]),
            ("texts", ["an owl", "", "a cat", "\u{85}"]),
        ]
        var arguments = ["pack", input, scratch("out.safetensors")]
        for (name, lines) in files {
            arguments += ["--\(name)", try scratch.write(lines.map { $0 + end }.joined(), to: name)]
        }
        let outcome = try Sono.run(arguments)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("2 rows are not finite or all zero"))
        let file = try TensorFile.read(path: scratch("out.safetensors"))
        #expect(try file.integers("labels") == [0, -1, 1, -1])
        #expect(String(decoding: try file.bytes("ids_utf8"), as: UTF8.self) == "ab\u{2028}cü")
        #expect(try file.integers("ids_offsets") == [0, 1, 6, 8, 8])
        for (name, lines) in [files[1], files[3]] {
            let text = try #require(file.metadata[name])
            #expect(try JSONDecoder().decode([String].self, from: Data(text.utf8)) == lines)
        }
    }

    @Test("new classes for a labelled set leave every label its meaning, or are refused and leave OUT as it was")
    func classes() throws {
        let input = try npy([1, 0, 0, 1, 1, 1], columns: 2)
        let labels = try scratch.write("owl\ncat\nowl\n", to: "labels")
        let set = scratch("set.safetensors")
        #expect(try Sono.run(["pack", input, set, "--labels", labels]).status == 0)
        #expect(try TensorFile.read(path: set).integers("labels") == [1, 0, 1])
        func pack(_ classes: String) throws -> Sono.Outcome {
            try Sono.run(["pack", set, scratch("out"), "--classes", try scratch.write(classes, to: "classes")])
        }
        #expect(try pack("owl\ndog\ncat\n").status == 0)
        let before = try TensorFile.read(path: scratch("out"))
        #expect(try before.integers("labels") == [0, 2, 0])
        for (classes, status) in [("owl\n", 65), ("owl\ncat\nowl\n", 64), ("owl\n\ncat\n", 64)] as [(String, Int32)] {
            let outcome = try pack(classes)
            #expect(outcome.status == status, "\(outcome.errors)")
        }
        let ids = try scratch.write([0x61, 0x0A, 0x62, 0, 0x0A, 0x63, 0x0A], to: "ids")
        #expect(try Sono.run(["pack", set, scratch("out"), "--ids", ids]).status == 64)
        #expect(try TensorFile.read(path: scratch("out")).sha256 == before.sha256)
    }
}
