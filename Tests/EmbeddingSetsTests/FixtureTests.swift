import EmbeddingSets
import Failures
import TensorFiles
import TestSupport
import Testing

@Suite("Files by Python's own writers")
struct FixtureTests {
    @Test("all of them are there")
    func present() {
        #expect(Fixtures.names("good").count == 25)
        #expect(Fixtures.names("refused").count == 22)
    }

    @Test("every variant gives the same set", arguments: Fixtures.names("good"))
    func good(name: String) throws {
        let path = Fixtures.path("good", name)
        let set = try EmbeddingSet.read(path: path)
        #expect(set.dimension == Fixtures.columns)
        #expect(set.embeddings == Fixtures.embeddings)
        #expect(set.velocity == (name.contains("velocity") ? Fixtures.velocity : nil))
        #expect(set.labels == (name.contains("labels") || name == "f16-velocity.safetensors" ? Fixtures.labels : nil))
        if name.contains("textids") {
            #expect((0..<Fixtures.rows).map(set.ids.text) == Fixtures.textIDs)
        } else if name.contains("ids") || name == "f16-velocity.safetensors" {
            #expect(set.ids == .integers(Fixtures.integerIDs))
        } else {
            #expect(set.ids == .ordinal(count: Fixtures.rows))
        }
        if name.contains("labels") {
            #expect(set.classes == ["left", "rechts ü"])
            #expect(set.encoder == "fixture encoder")
            #expect(set.normalized == false)
            #expect(set.warnings.isEmpty)
        }
    }

    @Test("the first pass reports what the second reads", arguments: Fixtures.names("good"))
    func passesAgree(name: String) throws {
        let path = Fixtures.path("good", name)
        let first = try EmbeddingSetFile.inspect(path: path)
        let second = try EmbeddingSetFile.stream(path: path, chunkRows: 2) { _ in }
        #expect(first.header == second.inspection.header)
        #expect(first.sha256 == second.inspection.sha256)
        #expect(first.decodedBytes == second.inspection.decodedBytes)
        #expect(second.ids.count == Fixtures.rows)
        #expect(second.ids.kind == first.header.idKind)
    }

    @Test(
        "a checksum is reported as verified where there is one",
        arguments: [
            ("f16-ids-labels.safetensors", nil),
            ("f16-ids-labels-oneshot.safetensors.zst", FrameChecksum.absent),
            ("f16-ids-labels-checksum.safetensors.zst", .verified),
            ("f16-ids-labels-streamed.safetensors.zst", .absent),
            ("f16-ids-labels-streamed-checksum.safetensors.zst", .verified),
            ("f16-ids-labels-frames.safetensors.zst", .verified),
        ] as [(String, FrameChecksum?)])
    func checksum(name: String, expected: FrameChecksum?) throws {
        #expect(try EmbeddingSetFile.inspect(path: Fixtures.path("good", name)).checksum == expected)
    }

    @Test("unknown tensors and keys are named in one warning")
    func unknownExtras() throws {
        let inspection = try EmbeddingSetFile.inspect(
            path: Fixtures.path("good", "f16-unknown-extras.safetensors"))
        #expect(
            inspection.header.warnings == [
                #"ignored unknown tensors "extra", "nothing" and metadata keys "colour"."#
            ])
    }

    @Test("what cannot be read is refused with its code and a remedy", arguments: Fixtures.names("refused"))
    func refused(name: String) throws {
        let failure = try #require(try refusal(Fixtures.path("refused", name)))
        #expect(failure.code.rawValue == name.prefix { $0 != "-" })
        #expect(failure.message.contains(":"))
    }

    @Test(
        "formats of other programs are named, with the Python that converts them",
        arguments: [
            ("archive.npz", "np.load"), ("archive.npz.zst", "np.load"), ("pickle.pkl", "pickle"),
            ("torch.pt", "torch.load"), ("fortran.npy", "ascontiguousarray"), ("bigendian.npy", "astype('<f4')"),
            ("vector.npy", "reshape"),
        ])
    func conversion(name: String, python: String) throws {
        let failure = try #require(try refusal(Fixtures.path("refused", "unsupported_format-\(name)")))
        #expect(failure.message.contains(python))
    }

    @Test(
        "formats known by their first bytes are named, bare and compressed",
        arguments: ["PAR1", "\u{89}HDF\r\n\u{1a}\n"])
    func magic(text: String) throws {
        let folder = try Scratch()
        let bytes = text.unicodeScalars.map { UInt8($0.value) } + [UInt8](repeating: 1, count: 100)
        for content in [bytes, RawFrame.frame([.raw(bytes)])] {
            let failure = try #require(try refusal(folder.write(content, to: "f")))
            #expect(failure.code == .unsupportedFormat)
            #expect(failure.message.contains(text.hasPrefix("PAR") ? "Parquet" : "HDF5"))
        }
    }
}
