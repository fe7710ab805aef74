import Accounting
import Failures
import Foundation
import Spooling

/// What a start does before anything else: it takes up every batch where it was left.
public struct Recovery: Sendable {
    private let store: Store
    private let paths: ServicePaths

    public init(store: Store, paths: ServicePaths) {
        self.store = store
        self.paths = paths
    }

    /// Once at a start: what was running has crashed; settled jobs are filed; features of nobody are removed.
    ///
    /// - Parameter attemptsAllowed: by pipeline; nil for one that is not configured now.
    /// - Returns: the jobs that were running.
    public func recoverStore(attemptsAllowed: (String) -> Int?) throws -> [QueuedJob] {
        // What was running waits a little, so that its neighbours go first: it may be what took the service down, and if
        // it was not, whoever kills services again and again shall not use up its attempts.
        let interrupted = try store.recoverInterrupted(
            attemptsAllowed: { attemptsAllowed($0.pipeline) }, mostRetries: Backoff.mostRetries,
            delay: { Backoff.delay(retries: $0.attempts) })
        fileSettled()
        removeOrphanedFeatures()
        return interrupted
    }

    /// Once at a start, after `recoverStore`: a store that was restored or recovered learns what the spool knows.
    ///
    /// - Returns: what could not be compared now; nil if there was nothing to compare.
    public func compareWithSpool() throws -> [Failure]? {
        guard try store.isToBeCompared() else { return nil }
        return try SpoolComparison(store: store, paths: paths).run()
    }

    /// Files settled jobs whose file is still in work/. What cannot be done now is left to the next time.
    ///
    /// - Parameter away: pipelines whose directories were taken away, and may come back: what is not there is waited for.
    /// - Returns: what went wrong, for the log.
    @discardableResult
    public func fileSettled(away: Set<String> = []) -> [Failure] {
        var spools: [String: SpoolDirectory] = [:]
        var failures: [Failure] = []
        do {
            for job in try store.unfiled() {
                do {
                    let spool =
                        try spools[job.pipeline]
                        ?? SpoolDirectory(SpoolLayout(root: paths.spool, pipeline: job.pipeline))
                    spools[job.pipeline] = spool
                    try Filing(spool: spool, store: store, mayComeBack: away.contains(job.pipeline)).file(job)
                } catch let failure as Failure {
                    failures.append(failure)
                }
            }
        } catch {
            failures.append(error as? Failure ?? Failure(.internal, "\(error)"))
        }
        return failures
    }

    /// Compares work/ with the notes: the files of a pipeline that are no jobs yet, their moves durable. Notes whose file
    /// is in incoming/ or gone are forgotten; files in work/ that nobody knows are noted under the name they have.
    ///
    /// Nobody may move files into work/ meanwhile.
    ///
    /// - Parameter known: claims that are being looked after; they are left out.
    public func claims(of pipeline: Pipeline, except known: Set<ClaimToken> = []) throws -> [BatchLife.Claim] {
        var notes: [String: ClaimNote] = [:]
        for note in try store.claims(pipeline: pipeline.name) { notes[note.token] = note }
        // Before the listing: the file of a job that is filed in between has left work/ then.
        let jobs = try store.tokensInWork(pipeline: pipeline.name)
        let inWork = try pipeline.spool.workListing().claims
        for note in notes.values {
            if let token = ClaimToken(note.token), inWork[token] != nil { continue }
            // A claim that did not come to its rename: the file is in incoming/ still, or gone.
            if pipeline.mayComeBack { continue }
            try store.forgetClaim(note.token)
        }
        let strays = inWork.filter { token, _ in !jobs.contains(token.text) && !known.contains(token) }
        guard !strays.isEmpty else { return [] }
        try pipeline.spool.makeMovesDurable()
        var claims: [BatchLife.Claim] = []
        for (token, stamp) in strays {
            if notes[token.text] == nil {
                let note = ClaimNote(token: token.text, pipeline: pipeline.name, name: Array(token.text.utf8))
                try store.noteClaims([note])
                notes[token.text] = note
            }
            guard let name = notes[token.text].flatMap({ FileName($0.name) }) else { continue }
            claims.append(.init(token: token, name: name, stamp: stamp))
        }
        return claims.sorted { $0.stamp.modified < $1.stamp.modified }
    }

    /// STATE/features/PIPELINE/JOB.safetensors.zst of a job that is not done was written just before a crash. What belongs
    /// to no job that the store knows is left: it may be another store's.
    private func removeOrphanedFeatures() {
        let files = FileManager.default
        let root = "\(paths.state)/features"
        for pipeline in (try? files.contentsOfDirectory(atPath: root)) ?? [] {
            for file in (try? files.contentsOfDirectory(atPath: "\(root)/\(pipeline)")) ?? [] {
                guard let id = JobID(file.prefix { $0 != "." }), let job = try? store.job(id), job.state != .done else {
                    continue
                }
                try? files.removeItem(atPath: "\(root)/\(pipeline)/\(file)")
            }
        }
    }
}
