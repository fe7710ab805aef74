import Accounting
import Daemon
import EmbeddingSets
import Failures
import Foundation
import Refinement
import Spooling
import Training

/// The demo from top to bottom: what a user does, with the program's own parts.
struct DemoRun {
    private static let pipeline = "debian-sections"
    private static let batches = 5
    private static let shots = 16

    private let data: DemoData
    private let root: DemoRoot
    private let start = ContinuousClock.now

    init(data: DemoData, keep: String?) throws {
        self.data = data
        root = try DemoRoot(keep: keep)
    }

    func run() throws -> DemoReport {
        defer { root.remove() }
        let interruption = Interruption { [root] in root.remove() }
        defer { interruption.cancel() }

        say("training on \(Self.shots) labelled rows a class ...")
        let training = try train()
        say("starting the service on \(root.path) ...")
        try Data("model: \(Self.pipeline).safetensors\n".utf8).write(
            to: URL(fileURLWithPath: "\(root.paths.configuration)/\(Self.pipeline).yaml"))
        let service = try ServiceProcess(root: root.path)

        let test = try EmbeddingSet.read(path: data.test)
        say("dropping \(Figures.grouped(test.rows)) rows as \(Self.batches) compressed batches ...")
        let dropping = ContinuousClock.now
        try drop(test)
        let client = StatusClient(paths: root.paths)
        try service.wait(for: "the batches to be done") {
            let jobs = try client.jobs().jobs
            return jobs.count == Self.batches && jobs.allSatisfy(\.state.isSettled)
        }
        let seconds = (ContinuousClock.now - dropping) / .seconds(1)

        let reader = try StoreReader.open(path: root.paths.store)
        defer { try? reader.close() }
        let judgement = try DemoJudgement(reader: reader, test: test, prompts: EmbeddingSet.read(path: data.prompts))
        say("stopping the service ...")
        try service.stop()
        return DemoReport(
            judgement: judgement, training: training, servingSeconds: seconds,
            seconds: (ContinuousClock.now - start) / .seconds(1), root: root)
    }

    private func train() throws -> DemoReport.Training {
        let start = ContinuousClock.now
        func rows(_ path: String) throws -> TrainingRows { try TrainingRows(EmbeddingSet.read(path: path), name: path) }
        let bar = ProgressBar("training")
        let trained = try Trainer(toolVersion: Sono.version).train(
            support: rows(data.support), prompts: rows(data.prompts), validation: rows(data.validation)
        ) { bar.show($0) }
        bar.finish()
        try ModelFile.save(trained.model, to: root.paths.model("\(Self.pipeline).safetensors"))
        let configuration = trained.model.configuration
        return DemoReport.Training(
            shots: Self.shots, order: configuration.order, solver: configuration.solver.rawValue,
            steps: configuration.steps, evaluations: configuration.evaluations,
            seconds: (ContinuousClock.now - start) / .seconds(1))
    }

    /// Puts the rows into the spool as a careful producer does: written under .tmp/, then renamed into incoming/.
    private func drop(_ test: EmbeddingSet) throws {
        let layout = SpoolLayout(root: root.paths.spool, pipeline: Self.pipeline)
        for number in 0..<Self.batches {
            let rows = number * test.rows / Self.batches..<(number + 1) * test.rows / Self.batches
            let name = "packages-\(number + 1).safetensors.zst"
            try test.batch(rows).write(to: "\(layout.temporary)/\(name)", elementType: .float16)
            guard rename("\(layout.temporary)/\(name)", "\(layout.incoming)/\(name)") == 0 else {
                throw Failure.system("rename \(name) into \(layout.incoming)")
            }
        }
    }

    private func say(_ words: String) { Messages.say(words) }
}

extension EmbeddingSet {
    /// Some of the rows, without labels, each with the id it has in the whole set.
    fileprivate func batch(_ rows: Range<Int>) -> EmbeddingSet {
        let span = rows.lowerBound * dimension..<rows.upperBound * dimension
        var batch = EmbeddingSet(
            dimension: dimension, embeddings: Array(embeddings[span]), ids: ItemIDs(texts: rows.map { ids.text($0) }))
        batch.encoder = encoder
        batch.producer = "\(Sono.tool) demo"
        return batch
    }
}
