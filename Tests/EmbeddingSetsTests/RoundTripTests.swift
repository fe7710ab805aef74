import EmbeddingSets
import Failures
import TensorFiles
import TestSupport
import Testing

@Suite("What is written is what is read")
struct RoundTripTests {
    private func sample(rows: Int, dimension: Int) -> EmbeddingSet {
        let values = (0..<rows * dimension).map { Float($0 % 97) / 64 - 0.5 }
        var set = EmbeddingSet(dimension: dimension, embeddings: values)
        set.classes = ["left", "right \"quoted\" \\ \u{1} ü"]
        set.labels = (0..<rows).map { Int32($0 % 3) - 1 }
        set.encoder = "an encoder"
        set.normalized = false
        set.producer = "a test"
        return set
    }

    @Test(
        "a set survives writing and reading, bare and zstd, with every kind of id",
        arguments: ["set.safetensors", "set.safetensors.zst"], [ItemIDs.Kind.ordinal, .integers, .utf8])
    func roundTrip(name: String, kind: ItemIDs.Kind) throws {
        let folder = try Scratch()
        var set = sample(rows: 50, dimension: 6)
        switch kind {
        case .ordinal: break
        case .integers: set.ids = .integers((0..<50).map { 1_000 - $0 })
        case .utf8: set.ids = ItemIDs.utf8((0..<50).map { "id-\($0)-ä" })
        }
        set.velocity = set.embeddings.map { -2 * $0 }
        set.texts = (0..<50).map { "text \($0)" }
        let written = try set.write(to: folder(name), elementType: .float32)
        let read = try EmbeddingSet.read(path: folder(name))
        #expect(read.embeddings == set.embeddings)
        #expect(read.velocity == set.velocity)
        #expect(read.ids == set.ids)
        #expect(read.labels == set.labels)
        #expect(read.classes == set.classes)
        #expect(read.texts == set.texts)
        #expect(read.encoder == set.encoder)
        #expect(read.normalized == false)
        #expect(read.producer == "a test")
        #expect(read.warnings.isEmpty)
        #expect(read.sha256 == written.sha256)
        #expect(try folder.names() == [name])
        let inspection = try EmbeddingSetFile.inspect(path: folder(name))
        #expect(inspection.sha256 == written.sha256)
        #expect(inspection.fileBytes == written.bytes)
        #expect(inspection.checksum == (name.hasSuffix("zst") ? .verified : nil))
    }

    @Test("float16 and bfloat16 keep what they can hold", arguments: [ElementType.float16, .bfloat16])
    func halves(type: ElementType) throws {
        let folder = try Scratch()
        let values: [Float] = [0, -0.0, 1, -1.5, 0.25, 96, .infinity, -.infinity]
        let set = EmbeddingSet(dimension: 4, embeddings: values)
        try set.write(to: folder("s"), elementType: type)
        #expect(try EmbeddingSet.read(path: folder("s")).embeddings == values)
    }

    @Test("numbers that float16 cannot hold are not written as infinity")
    func tooLargeForHalf() throws {
        let folder = try Scratch()
        let set = EmbeddingSet(dimension: 2, embeddings: [1, 65_520])
        #expect(throws: Failure(.invalidArgument, "")) { try set.write(to: folder("s"), elementType: .float16) }
        try set.write(to: folder("s"), elementType: .bfloat16)
        #expect(try EmbeddingSet.read(path: folder("s")).elementType == .bfloat16)
    }

    @Test("what a reader would refuse is not written, and what stood there stays")
    func unreadable() throws {
        let folder = try Scratch()
        try sample(rows: 3, dimension: 2).write(to: folder("s"))
        let before = try EmbeddingSet.read(path: folder("s")).sha256
        let changes: [(inout EmbeddingSet) -> Void] = [
            { $0.classes = ["left"] }, { $0.classes = ["left", "left"] }, { $0.classes = ["left", ""] },
            { ($0.labels, $0.classes) = (nil, []) }, { $0.labels = [0, -2, 1] },
            { $0.ids = .utf8(["a", "b\u{0}", "c"]) }, { $0.ids = .utf8(bytes: [0xC3, 0xA9], offsets: [0, 1, 2, 2]) },
        ]
        for change in changes {
            var set = sample(rows: 3, dimension: 2)
            change(&set)
            #expect(throws: Failure(.invalidArgument, "")) { try set.write(to: folder("s")) }
        }
        #expect(try EmbeddingSet.read(path: folder("s")).sha256 == before)
        #expect(try folder.names() == ["s"])
    }

    @Test("labels go on meaning their names when the classes are given in another order")
    func renumbering() throws {
        var set = sample(rows: 4, dimension: 2)
        set.classes = ["left", "right"]
        #expect(set.labels == [-1, 0, 1, -1])
        try set.setClasses(["right", "middle", "left"])
        #expect(set.labels == [-1, 2, 0, -1])
        #expect(set.classes == ["right", "middle", "left"])
        #expect(throws: Failure(.classesMismatch, "")) { try set.setClasses(["left", "middle"]) }
    }

    @Test("rows that no model can use are counted")
    func unusableRows() {
        #expect(EmbeddingSet(dimension: 2, embeddings: [1, 0, 0, 0, .nan, 1, -.infinity, 0, 0, -1]).unusableRows == 3)
    }

    @Test("the statuses of a refined set are counted where they are one byte a row, and left alone elsewhere")
    func statuses() throws {
        let folder = try Scratch()
        for (rows, type) in [(3, ElementType.uint8), (2, .uint8), (3, .int32)] {
            var writer = SafetensorsWriter()
            try writer.add("embeddings", shape: [3, 1], floats: [1, 2, 3])
            try writer.add("status", shape: [rows], integers: [0, 3, 0].prefix(rows).map { $0 }, as: type)
            try writer.write(to: folder("s"))
            let found = try EmbeddingSetFile.inspect(path: folder("s")).statuses
            #expect(found == (rows == 3 && type == .uint8 ? [0: 2, 3: 1] : nil))
        }
    }

    @Test("labels without names of their own count into the names that are given")
    func classesFromOutside() throws {
        let folder = try Scratch()
        var writer = SafetensorsWriter()
        try writer.add("embeddings", shape: [2, 1], floats: [1, 2])
        try writer.add("labels", shape: [2], integers: [1, 0], as: .int64)
        try writer.write(to: folder("raw"))
        #expect(throws: Failure(.corruptSafetensors, "")) { try EmbeddingSet.read(path: folder("raw")) }
        let set = try EmbeddingSet.read(path: folder("raw"), classes: ["a", "b"])
        #expect(set.labels == [1, 0])
        #expect(set.classes == ["a", "b"])
        #expect(throws: Failure(.corruptSafetensors, "")) {
            try EmbeddingSet.read(path: folder("raw"), classes: ["a"])
        }
        #expect(throws: Failure(.invalidArgument, "")) {
            try EmbeddingSet.read(path: folder("raw"), classes: ["a", "a"])
        }
    }

    @Test("chunks of any size give the same rows, and the velocity beside them", arguments: [1, 3, 7, 64])
    func chunks(chunkRows: Int) throws {
        let folder = try Scratch()
        var set = sample(rows: 23, dimension: 5)
        set.velocity = set.embeddings.map { $0 + 1 }
        try set.write(to: folder("set.zst"), elementType: .float32)
        var embeddings: [Float] = []
        var velocity: [Float] = []
        let read = try EmbeddingSetFile.stream(path: folder("set.zst"), chunkRows: chunkRows) { chunk in
            #expect(chunk.firstRow * 5 == embeddings.count)
            #expect(chunk.rows <= chunkRows)
            embeddings += chunk.embeddings
            velocity += chunk.velocity.map(Array.init) ?? []
        }
        #expect(embeddings == set.embeddings)
        #expect(velocity == set.velocity)
        #expect(read.ids == .ordinal(count: 23))
        #expect(read.labels == nil)
    }
}
