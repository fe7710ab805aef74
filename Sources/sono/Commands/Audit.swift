import ArgumentParser
import EmbeddingSets
import Evaluation
import Foundation
import Refinement

struct Audit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure what the model's fixed steps leave of the equation's solution.",
        discussion: """
            Solves rows of a set again by dopri5 in double precision and compares: the distance of the refined unit \
            vectors, and how many rows would get another class. With --solver and --steps it answers whether fewer \
            evaluations would do.

            EXAMPLE
              sono audit --model m.safetensors --test test.safetensors.zst \\
                --solver midpoint --steps 2
            """)

    @Option(help: "The model file.")
    var model: String

    @Option(help: "An embedding set; labels are not needed.")
    var test: String

    @Option(help: "Rows to compare, spread evenly over the set; each takes milliseconds.")
    var rows = 200

    @OptionGroup var solving: SolverOptions
    @OptionGroup var form: OutputForm

    func validate() throws {
        guard rows > 0 else { throw ValidationError("Compare at least one row.") }
    }

    func run() throws {
        let loaded = try ModelFile.load(path: model)
        let refiner = try Refiner(model: loaded.model, solver: solving.solver, steps: solving.steps)
        let set = try EmbeddingSet.read(path: test)
        let audit = try SolverAudit(model: loaded.model, refiner: refiner, set: set, most: rows)
        Messages.warn(loaded.warnings + refiner.warnings)
        Messages.warn(set.warnings, of: test)
        if form.json { return try Output.print(json: Document("sono-audit/1", audit)) }
        func short(_ value: Double) -> String { String(format: "%.2g", value) }
        try Output.print(
            """
            \(audit.solver), steps \(audit.steps), \(audit.form) form: \(audit.evaluations) evaluations of S a row
            against dopri5 to \(short(audit.tolerance)) in double precision: \
            \(String(format: "%.0f", audit.referenceEvaluations)) evaluations a row
            distance of the refined unit vectors: median \(short(audit.medianError)), \
            largest \(short(audit.largestError))
            another class for \(audit.classChanges) of \(audit.rows) rows\
            \(audit.rowsLeftOut > 0 ? "; \(audit.rowsLeftOut) rows cannot be refined" : "")
            """)
    }
}
