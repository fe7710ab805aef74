import Dynamics
import Failures
import Foundation
import Refinement
import Testing
import Training

@Suite("distillation")
struct DistillationTests {
    @Test(
        "the gradient towards given probabilities and places is the slope of the loss, by central differences in Double",
        arguments: [Case(), Case(order: 1), Case(classifier: .affine), Case(solver: .dprkn4), Case(order: 0)])
    func gradient(_ it: Case) {
        let setup = RandomModel<Double>(it, seed: 7)
        var generator = SystemRandomNumberGenerator()
        var batches = setup.batches
        for index in batches.indices {
            let rows = batches[index].rows
            batches[index].displacements = (0..<rows * 5).map { _ in .random(in: -1...1, using: &generator) }
            batches[index].targets = (0..<rows).flatMap { _ -> [Double] in
                let weights = (0..<4).map { _ in Double.random(in: 0.1...1, using: &generator) }
                return weights.map { $0 / weights.reduce(0, +) }
            }
        }
        let engine = GradientEngine(setup.model, threads: 1)
        var parameters = setup.model.parameters
        let gradient = engine.gradient(parameters, batches).gradient
        let step = 1e-5
        for index in parameters.indices {
            let value = parameters[index]
            parameters[index] = value + step
            let above = engine.gradient(parameters, batches).loss.total
            parameters[index] = value - step
            let below = engine.gradient(parameters, batches).loss.total
            parameters[index] = value
            let slope = (above - below) / (2 * step)
            #expect(
                abs(slope - gradient[index]) < 1e-7 * max(1, abs(slope)), "\(index): \(gradient[index]) for \(slope)")
        }
    }

    @Test("certain targets are labels, and a row's own way is none to go")
    func limits() {
        let setup = RandomModel<Double>(Case(), seed: 9)
        var batches = setup.batches
        for index in batches.indices {
            batches[index].labels = batches[index].labels.map { max(0, $0) }
        }
        let engine = GradientEngine(setup.model, threads: 1)
        let labelled = engine.gradient(setup.model.parameters, batches)
        for index in batches.indices {
            let batch = batches[index]
            batches[index].targets = batch.labels.flatMap { label in (0..<4).map { $0 == Int(label) ? 1 : 0 } }
            batches[index].labels = batch.labels.map { _ in -1 }
        }
        let targeted = engine.gradient(setup.model.parameters, batches)
        #expect(abs(targeted.loss.total - labelled.loss.total) < 1e-12)
        #expect(targeted.loss.right == labelled.loss.right)
        for (a, b) in zip(targeted.gradient, labelled.gradient) { #expect(abs(a - b) < 1e-12) }
        for index in batches.indices {
            let end = engine.forward(
                setup.model.parameters, start: batches[index].start, velocity: batches[index].velocity
            )
            .end
            batches[index].displacements = zip(end, batches[index].start).map { $0 - $1 }
        }
        #expect(engine.gradient(setup.model.parameters, batches).loss.penalty < 1e-20)
    }

    /// A teacher that takes three steps over a field strong enough for one to be wrong.
    private var teacher: LoadedModel {
        var model = RandomModel<Float>(Case(steps: 3, hasPrior: false), seed: 4, dimension: 8, hidden: 6).model
        model.configuration.temperature = 0.7
        model.training = #"{"options": 1}"#
        return LoadedModel(model: model, sha256: "ab", bytes: 0, warnings: [])
    }

    private func rows(_ count: Int, seed: UInt64, dimension d: Int = 8) -> TrainingRows {
        let batches = RandomModel<Float>(Case(), seed: seed, dimension: d, rows: [count]).batches
        return TrainingRows(
            dimension: d, embeddings: batches[0].start.map { 3 * $0 },
            labels: [Int32](repeating: -1, count: count), classes: [])
    }

    private var distillation: Distillation {
        var distillation = Distillation()
        distillation.updates = 300
        distillation.rate = 1e-2
        return distillation
    }

    @Test("a student of one evaluation comes nearer to its teacher on rows it was not matched on, without labels")
    func student() throws {
        let outcome = try distillation.run(
            teacher: teacher, rows: [rows(150, seed: 21), rows(50, seed: 22)], validation: rows(200, seed: 23))
        #expect(outcome.student.configuration.evaluations == 1 && outcome.rows == 200)
        #expect(outcome.update > 0)
        #expect(outcome.after.loss < 0.2 * outcome.before.loss, "\(outcome.before) \(outcome.after)")
        #expect(outcome.after.agreement >= outcome.before.agreement && outcome.after.agreement > 0.9)
        // The classifier and its calibration are the teacher's.
        let old = teacher.model
        #expect(outcome.student.classifierWeight == old.classifierWeight)
        #expect(outcome.student.configuration.temperature == 0.7)
        #expect(outcome.student.configuration.logitScale == old.configuration.logitScale)
        try outcome.student.check()
        let manifest = try #require(outcome.student.training)
        let json = try #require(try JSONSerialization.jsonObject(with: Data(manifest.utf8)) as? [String: Any])
        let note = try #require(json["distilled"] as? [String: Any])
        #expect(json["options"] as? Int == 1 && note["teacher"] as? String == "ab" && note["steps"] as? Int == 1)
    }

    @Test("the student has the same bytes for any number of threads, and other ones for another seed")
    func threads() throws {
        func student(threads: Int, seed: UInt64 = 1) throws -> Model<Float> {
            var it = distillation
            (it.updates, it.threads, it.seed) = (20, threads, seed)
            return try it.run(teacher: teacher, rows: [rows(150, seed: 21)]).student
        }
        let one = try student(threads: 1)
        #expect(try student(threads: 3) == one)
        #expect(try student(threads: 1, seed: 2) != one)
    }

    @Test("what cannot be made cheaper, or matched, is refused")
    func refusals() throws {
        func expect(_ code: FailureCode, _ teacher: LoadedModel, _ rows: TrainingRows, _ it: Distillation) {
            #expect(throws: Failure(code, "")) { try it.run(teacher: teacher, rows: [rows]) }
        }
        func loaded(_ it: Case) -> LoadedModel {
            LoadedModel(
                model: RandomModel<Float>(it, seed: 4, dimension: 8).model, sha256: "ab", bytes: 0, warnings: [])
        }
        var costly = distillation
        costly.solving = (.rk4, 3)
        expect(.invalidArgument, teacher, rows(5, seed: 1), costly)
        costly.solving = (.euler, 1)
        expect(.invalidArgument, teacher, rows(5, seed: 1), costly)
        costly.solving = (.dprkn4, 1)
        expect(.invalidArgument, teacher, rows(5, seed: 1), costly)
        expect(.invalidArgument, loaded(Case(order: 0)), rows(5, seed: 1), distillation)
        expect(.dimensionMismatch, teacher, rows(5, seed: 1, dimension: 7), distillation)
        var zeros = rows(3, seed: 1)
        zeros.embeddings = zeros.embeddings.map { _ in 0 }
        expect(.noRows, teacher, zeros, distillation)
        var broken = teacher.model
        broken.field.outputBias[0] = .nan
        let lost = LoadedModel(model: broken, sha256: "ab", bytes: 0, warnings: [])
        expect(.invalidArgument, lost, rows(5, seed: 1), distillation)
    }
}
