import Accounting
import EmbeddingSets
import Failures
import Spooling

/// Step 2 of a batch's life: a file in work/ becomes a job.
extension BatchLife {
    /// Reads the whole file once and makes it a job.
    ///
    /// - Parameters:
    ///   - isLast: whether a file that cannot be read now is refused, instead of tried again.
    ///   - isolation: to read it in a process of its own; nil for this one.
    ///   - progress: called with every buffer that is read, and may throw to end the pass.
    /// - Returns: what became of it; the job is queued unless its state says otherwise.
    /// - Throws: what is wrong with a file that may be unfinished, and passing failures: nothing was recorded, ask again;
    ///   `not_found` for one that was taken away by hand.
    public func admit(
        _ token: ClaimToken, name: FileName, isLast: Bool = false, in isolation: Isolation? = nil,
        progress: @escaping () throws -> Void = {}
    ) throws -> QueuedJob {
        let inspection: EmbeddingSetInspection
        do {
            inspection = try inspect(token, name: name, in: isolation, progress: progress)
        } catch let failure as Failure
            where failure.code == .notFound || Self.mayPass(failure, isLast)
        {
            throw failure
        } catch let failure as Failure {
            return try refuse(token, name: name, failure)
        }
        if let failure = incompatibility(of: inspection.header) {
            return try refuse(token, name: name, failure, inspection)
        }
        try pipeline.spool.makeDurable(token, name: name)
        let admitted = try store.admit(
            Admission(
                token: token.text, pipeline: pipeline.name, name: name.bytes, sha256: inspection.sha256,
                rows: inspection.header.rows, fileBytes: inspection.fileBytes))
        return try filedIfSettled(admitted.jobID)
    }

    /// Records a file that can never be a batch, and puts it aside.
    @discardableResult
    public func refuse(
        _ token: ClaimToken, name: FileName, _ failure: Failure, _ inspection: EmbeddingSetInspection? = nil
    ) throws -> QueuedJob {
        // As far as it can be: what is put aside is there for somebody to look at, power loss or not. What cannot be opened
        // has no bytes that anybody answers for.
        try? pipeline.spool.makeDurable(token, name: name)
        let id = try store.refuse(
            token: token.text, pipeline: pipeline.name, name: name.bytes, sha256: inspection?.sha256,
            fileBytes: inspection?.fileBytes, failure: failure)
        return try filedIfSettled(id)
    }

    /// Step 2 again for a job whose file had other bytes on the second pass than on the first.
    public func readmit(
        _ job: QueuedJob, isLast: Bool = false, in isolation: Isolation? = nil,
        progress: @escaping () throws -> Void = {}
    ) throws -> QueuedJob {
        let (token, name) = try identify(job)
        let inspection: EmbeddingSetInspection
        do {
            inspection = try inspect(token, name: name, in: isolation, progress: progress)
            if let failure = incompatibility(of: inspection.header) { throw failure }
        } catch let failure as Failure where failure.code == .notFound || Self.mayPass(failure, isLast) {
            throw failure
        } catch let failure as Failure {
            return try giveUp(job, failure)
        }
        try pipeline.spool.makeDurable(token, name: name)
        _ = try store.reidentify(
            job.id, sha256: inspection.sha256, rows: inspection.header.rows, fileBytes: inspection.fileBytes)
        return try filedIfSettled(job.id)
    }

    /// A job that waits becomes failed.
    public func giveUp(_ job: QueuedJob, _ failure: Failure) throws -> QueuedJob {
        try store.fail(job.id, failure)
        return try filedIfSettled(job.id)
    }

    /// Whether the same file may be found good later.
    private static func mayPass(_ failure: Failure, _ isLast: Bool) -> Bool {
        switch failure.code {
        // Crashes and deadlines are counted by whoever keeps the files in hand, which refuses one that had too many.
        case .noSpace, .crashed, .deadline: true
        case .ioError: !isLast
        default: failure.code.mayBeUnfinished
        }
    }

    func inspect(
        _ token: ClaimToken, name: FileName, in isolation: Isolation? = nil, progress: @escaping () throws -> Void
    ) throws -> EmbeddingSetInspection {
        try pipeline.spool.checkReadable(token, name: name)
        if let isolation { return try isolation.inspect(task(token, name, .inspect), tick: progress) }
        return try EmbeddingSetFile.inspect(
            path: pipeline.spool.layout.path(of: token), name: name.displayText,
            limits: pipeline.configuration.fileLimits, progress: progress)
    }

    private func incompatibility(of header: EmbeddingSetHeader) -> Failure? {
        do {
            let model = pipeline.refiner.configuration
            _ = try header.checkCompatible(dimension: model.dimension, encoder: model.encoder)
            return nil
        } catch {
            return error as? Failure ?? Failure(.internal, "\(error)")
        }
    }
}
