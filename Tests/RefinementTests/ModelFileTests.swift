import Dynamics
import Failures
import Foundation
import Refinement
import TestSupport
import Testing

@Suite("Model files")
struct ModelFileTests {
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
    }

    @Test(
        "a model comes back from its file as it was", arguments: [2, 1, 0],
        ["model.safetensors", "model.safetensors.zst"])
    func roundTrip(order: Int, name: String) throws {
        var model = Model.random(order: order)
        model.configuration.solver = .rk4ThreeEighths
        model.configuration.activation = .gelu
        model.training = #"{"seed":1}"#
        model.reference = #"{"rows":2}"#
        let path = scratch(name)
        try ModelFile.save(model, to: path)
        let loaded = try ModelFile.load(path: path)
        #expect(loaded.model == model)
        #expect(loaded.warnings.isEmpty)
        #expect(loaded.sha256.count == 64 && loaded.id == String(loaded.sha256.prefix(12)))
        #expect(try loaded.bytes == Data(contentsOf: URL(filePath: path)).count)
        // The same model makes the same file.
        let again = scratch("again-" + name)
        try ModelFile.save(model, to: again)
        #expect(try ModelFile.load(path: again).sha256 == loaded.sha256)
    }

    @Test("a file with only what is needed is read with zeros and defaults for the rest")
    func minimal() throws {
        let path = try write(
            ["field.position.weight": [2, 3], "field.output.weight": [3, 2], "classifier.weight": [2, 3]],
            ["schema": "sono-model/1", "config": #"{"steps": 5}"#, "classes": #"["a", "b"]"#])
        let loaded = try ModelFile.load(path: path)
        let model = loaded.model
        var expected = ModelConfiguration(dimension: 3, hidden: 2)
        expected.steps = 5
        #expect(model.configuration == expected)
        #expect(model.field.velocityWeight == [Float](repeating: 0, count: 6))
        #expect(
            model.field.timeWeight == [0, 0] && model.field.bias == [0, 0] && model.field.outputBias == [0, 0, 0])
        #expect(model.field.damping == 0 && model.velocity == nil && model.prior == nil && model.inputMean == nil)
        #expect(loaded.warnings.isEmpty)
    }

    @Test("a file as PyTorch writes it is read: scalar damping, other float types, unknown tensors")
    func pytorch() throws {
        let path = try write(
            [
                "field.position.weight": [2, 3], "field.velocity.weight": [2, 3], "field.time.weight": [2],
                "field.bias": [2], "field.output.weight": [3, 2], "field.output.bias": [3], "field.damping": [],
                "velocity.input.weight": [4, 3], "velocity.input.bias": [4], "velocity.output.weight": [3, 4],
                "velocity.output.bias": [3], "classifier.weight": [2, 3], "logit_scale": [],
            ],
            [
                "config": #"{"order": 2, "steps": 2.0, "encoder": null, "dropout": 0.1}"#,
                "classes": #"["a", "b"]"#, "format": "pt",
            ])
        let loaded = try ModelFile.load(path: path)
        #expect(loaded.model.field.damping == 0.5)
        #expect(loaded.model.velocity?.hidden == 4)
        #expect(loaded.model.configuration.steps == 2)
        // No schema, the key dropout, the tensor logit_scale.
        #expect(loaded.warnings.count == 3)
    }

    @Test("order 0 needs a classifier only, and what it has no use for is ignored aloud")
    func orderZero() throws {
        let path = try write(
            ["classifier.weight": [2, 3], "field.bias": [4]],
            ["schema": "sono-model/1", "config": #"{"order": 0}"#, "classes": #"["a", "b"]"#])
        let loaded = try ModelFile.load(path: path)
        #expect(loaded.model.configuration.order == 0)
        #expect(try Refiner(model: loaded.model).evaluations == 0)
        #expect(loaded.warnings.count == 1 && loaded.warnings[0].contains("field.bias"))
    }

    @Test("what is wrong is named, with what is expected")
    func wrong() throws {
        let shapes = ["field.position.weight": [2, 3], "field.output.weight": [3, 2], "classifier.weight": [2, 3]]
        let metadata = ["schema": "sono-model/1", "config": #"{"steps": 2}"#, "classes": #"["a", "b"]"#]
        func expect(
            _ words: [String], tensors: [String: [Int]] = [:], metadata changes: [String: String] = [:],
            without: Set<String> = [],
            value: Float = 0.5
        ) throws {
            let path = try write(
                shapes.merging(tensors) { $1 }.filter { !without.contains($0.key) },
                metadata.merging(changes) { $1 }.filter { !without.contains($0.key) }, value: value)
            do {
                _ = try ModelFile.load(path: path)
                Issue.record("the file was accepted: \(words)")
            } catch let failure as Failure {
                #expect(failure.code == .modelInvalid)
                for word in words { #expect(failure.message.contains(word), "\(failure.message)") }
            }
        }
        let nystrom = #"{"steps": 2, "order": 1, "solver": "dprkn4"}"#
        try expect(["dprkn4", "order 1", "rk4"], metadata: ["config": nystrom])
        try expect(
            ["dprkn4", "field.velocity.weight"], tensors: ["field.velocity.weight": [2, 3]],
            metadata: ["config": #"{"steps": 2, "solver": "dprkn4"}"#])
        try expect(["field.output.weight", "[3, 2]", "[2, 3]"], tensors: ["field.output.weight": [2, 3]])
        try expect(["field.bias", "[2]"], tensors: ["field.bias": [3]])
        try expect(
            ["velocity.output.weight", "[3, 4]"],
            tensors: [
                "velocity.input.weight": [4, 3], "velocity.output.weight": [3, 5],
            ])
        try expect(["classifier.weight", "[2, 3]"], tensors: ["classifier.weight": [3, 3]])
        try expect(["classifier.weight", "missing", "[2, D]"], without: ["classifier.weight"])
        try expect(["prior.weight"], tensors: ["prior.weight": [2, 4]])
        try expect(["input.mean", "[3]"], tensors: ["input.mean": [2]])
        try expect(
            ["field.position.weight"],
            without: ["field.position.weight", "field.output.weight"])
        try expect(["field.position.weight", "missing", "[2, 3]"], without: ["field.position.weight"])
        try expect(["field.output.weight", "missing", "[3, 2]"], without: ["field.output.weight"])
        try expect(
            ["velocity.input.weight", "missing", "[4, 3]"],
            tensors: ["velocity.input.bias": [4], "velocity.output.weight": [3, 4]])
        try expect(
            ["velocity.output.weight", "missing", "[3, 4]"],
            tensors: ["velocity.input.weight": [4, 3]])
        try expect(
            ["velocity", "elements", "1 to 65536"],
            tensors: ["velocity.input.weight": [65_537, 3], "velocity.output.weight": [3, 65_537]])
        try expect(["damping", "negative"], tensors: ["field.damping": [1]], value: -0.5)
        try expect(["classes", "missing"], without: ["classes"])
        try expect(["classes"], metadata: ["classes": #"{"a": 1}"#])
        try expect(["classifier.weight", "[1, 3]"], metadata: ["classes": #"["a"]"#])
        try expect(["twice"], metadata: ["classes": #"["a", "a"]"#])
        try expect(["config", "missing"], without: ["config"])
        try expect(["config"], metadata: ["config": "order: 2"])
        try expect(["config", "steps", "twice"], metadata: ["config": #"{"steps": 2, "steps": 3}"#])
        try expect(["config", "steps"], metadata: ["config": #"{"steps": "many"}"#])
        try expect(["solver", "rk5", "rk4-38"], metadata: ["config": #"{"solver": "rk5"}"#])
        try expect(["activation", "relu", "silu"], metadata: ["config": #"{"activation": "relu"}"#])
        try expect(["classifier", "linear", "affine"], metadata: ["config": #"{"classifier": "linear"}"#])
        try expect(["order", "3"], metadata: ["config": #"{"order": 3}"#])
        try expect(["steps"], metadata: ["config": #"{"steps": -1}"#])
        try expect(["gives no steps"], metadata: ["config": "{}"])
        try expect(["gives no steps"], metadata: ["config": #"{"order": 1}"#])
        try expect(["steps", "euler"], metadata: ["config": #"{"solver": "euler", "steps": 1}"#])
        try expect(["temperature"], metadata: ["config": #"{"temperature": 0}"#])
        try expect(["horizon"], metadata: ["config": #"{"horizon": -1}"#])
        try expect(["dimension"], metadata: ["config": #"{"dimension": 1000000000000}"#])
        try expect(["hidden"], metadata: ["config": #"{"hidden": 1000000000000}"#])
        try expect(["classifier.weight", "[2, 5]"], metadata: ["config": #"{"dimension": 5, "steps": 2}"#])
        try expect(["schema", "sono-model/1"], metadata: ["schema": "sono-model/2"])
    }

    @Test("a number that is not finite is refused in whichever tensor it stands, by the tensor's name")
    func nonFinite() throws {
        let shapes = [
            "field.position.weight": [2, 3], "field.velocity.weight": [2, 3], "field.time.weight": [2],
            "field.bias": [2], "field.output.weight": [3, 2], "field.output.bias": [3], "field.damping": [1],
            "velocity.input.weight": [4, 3], "velocity.input.bias": [4], "velocity.output.weight": [3, 4],
            "velocity.output.bias": [3], "classifier.weight": [2, 3], "classifier.bias": [2], "prior.weight": [2, 3],
            "input.mean": [3],
        ]
        let metadata = [
            "schema": "sono-model/1", "config": #"{"steps": 2, "classifier": "affine"}"#, "classes": #"["a", "b"]"#,
        ]
        #expect(try ModelFile.load(path: write(shapes, metadata)).warnings.isEmpty)
        for name in shapes.keys {
            for value in [Float.nan, .infinity] {
                let path = try write(shapes, metadata, spoiling: name, with: value)
                do {
                    _ = try ModelFile.load(path: path)
                    Issue.record("\(value) in \(name) was accepted")
                } catch let failure as Failure {
                    #expect(failure.code == .modelInvalid)
                    #expect(failure.message.contains(name) && failure.message.contains("finite"), "\(failure.message)")
                }
            }
        }
    }

    @Test("a file that is not there, or not a model, has its code")
    func unusable() throws {
        let path = scratch.url.appending(path: "model.safetensors")
        #expect(throws: Failure(.modelMissing, "")) { try ModelFile.load(path: path.path) }
        for bytes in [Data(), Data("not a model".utf8), Data(repeating: 0xFF, count: 100)] {
            try bytes.write(to: path)
            #expect(throws: Failure(.modelInvalid, "")) { try ModelFile.load(path: path.path) }
        }
        try ModelFile.save(Model.random(), to: path.path)
        let whole = try Data(contentsOf: path)
        for count in [1, 9, whole.count / 2, whole.count - 1] {
            try whole.prefix(count).write(to: path)
            #expect(throws: Failure(.modelInvalid, "")) { try ModelFile.load(path: path.path) }
        }
    }

    @Test("a model whose parts do not fit is not written")
    func unwritten() throws {
        var model = Model.random()
        model.field.bias.removeLast()
        let path = scratch("model.safetensors")
        #expect(throws: Failure(.modelInvalid, "")) { try ModelFile.save(model, to: path) }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    /// Writes float32 tensors of one value by hand, so that reading is tested against the format and not against a writer.
    ///
    /// - Parameter spoiled: this tensor begins with another value.
    private func write(
        _ shapes: [String: [Int]], _ metadata: [String: String], value: Float = 0.5, spoiling spoiled: String? = nil,
        with other: Float = 0
    ) throws -> String {
        var header: [String: Any] = ["__metadata__": metadata]
        var payload = Data()
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            let first = payload.count
            for index in 0..<shape.reduce(1, *) {
                let value = name == spoiled && index == 0 ? other : value
                withUnsafeBytes(of: value.bitPattern.littleEndian) { payload.append(contentsOf: $0) }
            }
            header[name] = ["dtype": "F32", "shape": shape, "data_offsets": [first, payload.count]] as [String: Any]
        }
        let json = try JSONSerialization.data(withJSONObject: header)
        var file = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
        file.append(json)
        file.append(payload)
        let path = scratch.url.appending(path: "model-\(UUID().uuidString).safetensors")
        try file.write(to: path)
        return path.path
    }
}
