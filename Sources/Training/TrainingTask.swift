import Failures
import Refinement

/// The checked input of a training.
package struct TrainingTask {
    package let classes: [String]
    package private(set) var support: PreparedRows
    package private(set) var prompts: PreparedRows
    package private(set) var validation: PreparedRows?
    let encoder: String?
    package let warnings: [String]

    package init(support: TrainingRows, prompts: TrainingRows, validation: TrainingRows?) throws {
        classes = prompts.classes
        guard !classes.isEmpty else {
            throw Failure(
                .noLabels, "the prompts name no classes: add the metadata key classes (a JSON array of names).")
        }
        guard Set(classes).count == classes.count else {
            throw Failure(.classesMismatch, "the prompts name a class twice: give every class a name of its own.")
        }
        let d = prompts.dimension
        self.prompts = try PreparedRows(prompts, name: "prompts", classes: classes, dimension: d)
        self.support = try PreparedRows(support, name: "support", classes: classes, dimension: d)
        let own = classes
        self.validation = try validation.map {
            try PreparedRows($0, name: "validation", classes: own, dimension: d)
        }
        let encoders = [support, prompts, validation].compactMap { $0?.encoder }
        guard Set(encoders).count <= 1 else {
            throw Failure(
                .encoderMismatch,
                "the sets come from different encoders (\(Set(encoders).sorted().joined(separator: ", "))): "
                    + "embed all of them with one.")
        }
        encoder = encoders.first

        var warnings: [String] = []
        let prompted = Set(self.prompts.labels)
        if let missing = classes.indices.first(where: { !prompted.contains(Int32($0)) }) {
            throw Failure(
                .classesMismatch, "class \(classes[missing]) has no usable prompt: give every class at least one.")
        }
        let seen = Set(self.support.labels)
        if seen.count < classes.count {
            warnings.append("\(classes.count - seen.count) of \(classes.count) classes have no support rows.")
        }
        let sets = [(self.support, "support"), (self.prompts, "prompts"), (self.validation, "validation")]
        for case (let rows?, let name) in sets where rows.unusable > 0 {
            warnings.append("\(rows.unusable) rows of the \(name) set are not finite or all zero and were skipped.")
        }
        self.warnings = warnings
    }

    /// The same task with all its rows somewhere else.
    func moving(_ place: (PreparedRows) -> [Float]) -> TrainingTask {
        var moved = self
        moved.support = support.standing(at: place(support))
        moved.prompts = prompts.standing(at: place(prompts))
        moved.validation = validation.map { $0.standing(at: place($0)) }
        return moved
    }

    func untrained(_ options: TrainingOptions) throws -> Model<Float> {
        try options.untrained(dimension: prompts.dimension, classes: classes, prompts: prompts, encoder: encoder)
    }
}
