import Evaluation
import Testing

@Suite("zero-shot")
struct PrototypeTests {
    @Test("a prototype is the normalised mean of unit prompts, whatever their lengths")
    func prototypes() {
        let prototypes = Prototypes(
            prompts: [10, 0, 0, 0.1, 0, -3], labels: [0, 0, 1], classes: 2, dimension: 2)
        let half = Float(0.5).squareRoot()
        #expect(abs(prototypes.vectors[0] - half) < 1e-6 && abs(prototypes.vectors[1] - half) < 1e-6)
        #expect(prototypes.vectors[2] == 0 && prototypes.vectors[3] == -1)
    }

    @Test("a row goes to the class of the largest cosine; a row without a direction to none")
    func predictions() {
        let prototypes = Prototypes(prompts: [1, 0, 0, 1], labels: [0, 1], classes: 2, dimension: 2)
        #expect(prototypes.predictions([100, 1, -5, 0.1, 0, 0, .nan, 1, 3, 3]) == [0, 1, -1, -1, 0])
    }

    @Test("a class without a usable prompt is never the answer, even where every cosine is negative")
    func missing() {
        let prototypes = Prototypes(prompts: [1, 0, 0, 0, 0, 1], labels: [1, 2, 3], classes: 4, dimension: 2)
        #expect(prototypes.missing == [0, 2])
        #expect(prototypes.predictions([-3, -1, -1, -3, 2, 0]) == [3, 1, 1])
        #expect(Prototypes(prompts: [1, 0], labels: [7], classes: 2, dimension: 2).predictions([1, 0]) == [-1])
    }

    @Test("a set's labels are translated into the model's classes by name")
    func classMap() {
        let map = ClassMap(from: ["cat", "owl", "dog"], to: ["dog", "cat"])
        #expect([0, 1, 2, 3, -1].map { map($0) } == [1, -1, 0, -1, -1])
        #expect(map.unknown == ["owl"])
    }
}
