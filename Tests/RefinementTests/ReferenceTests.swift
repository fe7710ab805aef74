import Foundation
import Refinement
import TensorFiles
import Testing

/// Fixtures/make_reference.py computed the expected numbers in float64 with none of this package's code.
@Suite("Reference answers")
struct ReferenceTests {
    @Test(
        "in both forms vectors, logits and probabilities match the float64 reference to 1e-5",
        arguments: 0..<36, RefinementForm.allCases)
    func matches(number: Int, form: RefinementForm) throws {
        let name = (number < 10 ? "0" : "") + "\(number)"
        let model = try ModelFile.load(path: try path("\(name).model")).model
        let input = try TensorFile.read(path: try path("\(name).input"))
        let expected = try TensorFile.read(path: try path("\(name).expected"))
        let refiner = try Refiner(model: model, form: form)
        #expect(refiner.form == form && refiner.warnings.isEmpty)
        let velocity = input.entry("velocity") == nil ? nil : try input.floats("velocity")
        let answer = refiner.answer(try input.floats("embeddings"), velocity: velocity, topK: refiner.classes.count)

        #expect(answer.statuses.allSatisfy { $0 == .ok })
        expectClose(answer.refined, try expected.floats("embeddings"))
        expectClose(answer.logits, try expected.floats("logits"))
        let probabilities = try expected.floats("probabilities")
        let kept = answer.columns.topK
        for (place, c) in answer.columns.topClasses.enumerated() {
            let exact = probabilities[place / kept * kept + Int(c)]
            #expect(abs(answer.columns.topScores[place] - exact) < 1e-5)
        }
    }

    private func path(_ name: String) throws -> String {
        try #require(
            Bundle.module.url(forResource: name, withExtension: "safetensors", subdirectory: "Fixtures")
        ).path
    }

    private func expectClose(_ values: [Float], _ expected: [Float]) {
        #expect(values.count == expected.count)
        for (value, exact) in zip(values, expected) {
            #expect(abs(value - exact) <= 1e-5 * max(1, abs(exact)))
        }
    }
}
