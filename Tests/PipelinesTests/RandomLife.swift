import Accounting
import Failures
import Foundation
import Pipelines
import Spooling
import TestSupport
import Testing

/// A spool and a store, real ones, that live at random beside the model of them.
final class RandomLife {
    static let attempts = 3
    private static let contents = 5

    let world: World
    var store: Store
    var model = SpoolModel()
    var random: SplitMix
    /// Inode of each input: what it is recognised by, wherever it stands.
    var inodes: [SpoolModel.Input: UInt64] = [:]
    /// Files in work/ that are no jobs, as a running service knows them.
    var claims: Set<String> = []
    private let steps: Int
    /// What was done, for the message of a failure.
    private(set) var history: [String] = []

    init(seed: UInt64, steps: Int) throws {
        random = SplitMix(state: seed)
        self.steps = steps
        world = try World()
        store = world.store
    }

    func run() throws {
        for _ in 0..<steps { try step() }
        try restart()
        try drain()
    }

    // MARK: - What may happen

    private func step() throws {
        switch Int.random(in: 0..<20, using: &random) {
        case 0...2: try drop()
        case 3, 4: try claim()
        case 5, 6: try admit()
        case 7: try refuse()
        case 8, 9: try begin()
        case 10, 11: try settle()
        case 12: try retry()
        case 13: try ask()
        case 14: try giveBack()
        case 15: try requeue()
        case 16: try compare()
        case 17: try busy()
        case 18: try fileSettled()
        default: try restart()
        }
    }

    private func drop() throws {
        let input = model.inputs.upperBound
        let content = Int.random(in: 0..<Self.contents, using: &random)
        note("drop \(input), bytes \(content)")
        let path = world.incoming(name(input).displayText)
        try Data("bytes \(content)".utf8).write(to: URL(fileURLWithPath: path))
        inodes[input] = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? UInt64
        model.drop(contents: content)
    }

    func name(_ input: SpoolModel.Input) -> FileName { FileName(checkedForTest: "\(input).npy") }

    /// Steps 0 and 1, of one or several files, with a fault at one of the calls or death from one of them on.
    private func claim() throws {
        let waiting = model.inputs.filter { model.places[$0] == .incoming }.shuffled(using: &random).prefix(3)
        guard !waiting.isEmpty else { return }
        let pairs = waiting.map { (name: name($0), token: ClaimToken.random()) }
        note("claim \(Array(waiting))")
        try store.noteClaims(pairs.map { ClaimNote(token: $1.text, pipeline: "p", name: $0.bytes) })
        for (input, pair) in zip(waiting, pairs) { model.note(pair.token.text, .init(input: input)) }
        let (fault, spool) = try faulty()
        for ((input, pair), outcome) in zip(zip(waiting, pairs), spool.claim(pairs)) {
            let isMoved = try world.pipeline.spool.stamp(of: pair.token) != nil
            switch outcome {
            case .claimed:
                #expect(isMoved)
                claims.insert(pair.token.text)
            case .failed: #expect(fault.hasStruck)
            case .vanished: Issue.record("\(input) vanished")
            }
            if isMoved { model.move(input, to: .work(token: pair.token.text)) }
        }
        try end(fault)
    }

    func admit() throws {
        guard let (input, token) = anyClaim() else { return }
        let admitted = try store.admit(
            Admission(
                token: token, pipeline: "p", name: name(input).bytes, sha256: digest(input), rows: 3, fileBytes: 7))
        let expected = model.admit(token, as: admitted.jobID)
        let job = try #require(expected)
        note("admit \(input) as \(admitted.jobID): \(job.state)")
        #expect(
            admitted.state == job.state && admitted.duplicateOf == job.duplicateOf
                && admitted.supersedes == job.supersedes)
        claims.remove(token)
        if job.state.isSettled { try file(admitted.jobID) }
    }

    private func refuse() throws {
        guard let (input, token) = anyClaim() else { return }
        let isReadable = Bool.random(using: &random)
        let id = try store.refuse(
            token: token, pipeline: "p", name: name(input).bytes, sha256: isReadable ? digest(input) : nil,
            failure: Failure(.unreadable, "no"))
        note("refuse \(input) as \(id)")
        model.refuse(token, as: id, isReadable: isReadable)
        claims.remove(token)
        try file(id)
    }

    private func begin() throws {
        guard let id = anyJob() else { return }
        // Now and then beside one that is computed and not committed yet.
        let other = model.jobs.filter { $0.value.state == .running && $0.key != id }.keys.min()
        let isBeside = Bool.random(using: &random)
        let may = model.jobs[id]?.state.canBecome(.running) ?? false
        note("begin \(id)")
        try expect(may) { try store.begin(id, nil, besides: isBeside ? other.map { ($0, Timings()) } : nil) }
        if may {
            if isBeside, let other { model.compute(other) }
            take(id, to: .running, attempts: 1)
        }
    }

    private func settle() throws {
        guard let id = anyJob() else { return }
        let isGood = Bool.random(using: &random)
        note("\(isGood ? "complete" : "fail") \(id)")
        let may = model.take(id, to: isGood ? .done : .failed)
        try expect(may) {
            if isGood {
                try store.complete(id, Self.results, Timings())
            } else {
                try store.fail(id, Failure(.internal, "no"))
            }
        }
        if may { try file(id) }
    }

    private func retry() throws {
        guard let id = anyJob() else { return }
        let counts = Bool.random(using: &random)
        note("retry \(id)")
        let may = model.take(id, to: .retrying, attempts: counts ? 0 : -1)
        try expect(may) { try store.retry(id, Failure(counts ? .deadline : .ioError, "later"), notBefore: Date()) }
    }

    /// What a person asks for.
    private func ask() throws {
        guard let id = anyJob() else { return }
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            note("hold \(id)")
            try expect(model.take(id, to: .held)) { try store.hold(id) }
        case 1:
            note("release \(id)")
            try expect(model.take(id, to: .queued, from: [.held])) { try store.release(id) }
        default:
            note("cancel \(id)")
            let may = model.take(id, to: .cancelled)
            try expect(may) { try store.cancel(id) }
            if may { try file(id) }
        }
    }

    private func giveBack() throws {
        guard let id = anyJob() else { return }
        let next = [nil, JobState.held, .cancelled].randomElement(using: &random) ?? nil
        note("give back \(id), then \(next?.rawValue ?? "wait")")
        let may = model.take(id, to: .queued, from: [.running], attempts: -1)
        if may, let next { take(id, to: next) }
        try expect(may) { try store.returnToQueue(id, then: next) }
        if may, next == .cancelled { try file(id) }
    }

    private func requeue() throws {
        guard let id = anyJob(), let job = model.jobs[id] else { return }
        let token = ClaimToken.random()
        note("requeue \(id)")
        let may = model.mayRequeue(id)
        var requeue: Requeue?
        try expect(may) { requeue = try store.requeue(id, token: token.text) }
        guard let requeue else { return }
        model.note(token.text, .init(input: job.input, requeueOf: id))
        let place = requeue.underFailed ? SpoolModel.Place.failed(id) : .done(id)
        let input = model.input(at: place)
        let (fault, spool) = try faulty()
        do {
            let name = try #require(FileName(requeue.filedAs))
            let isBack = try spool.reclaim(name, from: requeue.underFailed ? .failed : .done, token: token)
            #expect(isBack == (input != nil))
            if isBack { claims.insert(token.text) }
            if !isBack {
                try store.forgetClaim(token.text)
                model.forget(token.text)
            }
        } catch is Failure {
            #expect(fault.hasStruck)
        }
        if let input, try world.pipeline.spool.stamp(of: token) != nil {
            model.move(input, to: .work(token: token.text))
        }
        try end(fault)
    }

    /// What a service does after a failed move and once a minute.
    private func compare() throws {
        note("compare")
        let found = try recovery.claims(of: world.pipeline, except: Set(claims.compactMap { ClaimToken($0) }))
        model.compare()
        #expect(Set(found.map(\.token.text)) == model.claims.subtracting(claims))
        for claim in found {
            let input = try #require(model.input(at: .work(token: claim.token.text)))
            #expect(claim.name == name(input))
        }
        claims.formUnion(found.map(\.token.text))
    }

    /// Another program has the store: nothing is changed by a call that fails.
    private func busy() throws {
        guard let id = anyJob() else { return }
        note("busy")
        try store.setBusyTimeout(milliseconds: 0)
        let lock = try WriteLock(on: world.paths.store)
        #expect(throws: Failure.self) { try store.cancel(id) }
        #expect(throws: Failure.self) { try store.begin(id, nil) }
        #expect(throws: Failure.self) { try store.complete(id, Self.results, Timings()) }
        try lock.release()
        try store.setBusyTimeout(milliseconds: 5_000)
    }

    /// Step 7, with a fault at one of the calls or death from one of them on.
    private func file(_ id: JobID) throws {
        guard let job = model.jobs[id], let token = ClaimToken(job.token) else { return }
        let (fault, spool) = try faulty()
        let name = name(job.input)
        do {
            let filed: FileName
            if job.state.filesUnderFailed {
                let reason = Reason(
                    jobID: id, pipeline: "p", fileName: name, failure: Failure(.internal, "no"),
                    at: "2026-01-01T00:00:00.000Z")
                filed = try spool.quarantine(token, jobID: id, name: name, reason: reason)
            } else {
                filed = try spool.settle(token, jobID: id, name: name)
            }
            // Killed between the move and the note of it, now and then.
            if Int.random(in: 0..<8, using: &random) > 0 {
                try store.markFiled(id, as: filed.bytes)
                model.file(id)
            }
        } catch is Failure {
            #expect(fault.hasStruck)
        }
        if model.jobs[id]?.isFiled == false, try world.pipeline.spool.stamp(of: token) == nil {
            model.move(job.input, to: job.state.filesUnderFailed ? .failed(id) : .done(id))
        }
        try end(fault)
    }

    private func fileSettled() throws {
        note("file what is settled")
        #expect(recovery.fileSettled().isEmpty)
        for id in model.unfiled { model.file(id) }
    }

    // MARK: - Faults

    /// A spool of which one call fails, or from one call on all do, or none.
    private func faulty() throws -> (SpoolFault, SpoolDirectory) {
        let fault: SpoolFault =
            switch Int.random(in: 0..<6, using: &random) {
            case 0: SpoolFault(.once, atCall: Int.random(in: 0..<8, using: &random), number: EIO)
            case 1: SpoolFault(.once, atCall: Int.random(in: 0..<8, using: &random), number: ENOSPC)
            case 2: SpoolFault(.fromThenOn, atCall: Int.random(in: 0..<8, using: &random), number: EIO)
            default: SpoolFault(.once, atCall: .max, number: EIO)
            }
        return (fault, try SpoolDirectory(world.pipeline.spool.layout, calls: fault.calls))
    }

    /// After death a new life begins.
    private func end(_ fault: SpoolFault) throws {
        if fault.isDeath, fault.hasStruck { try restart() }
    }

    // MARK: -

    var recovery: Recovery { Recovery(store: store, paths: world.paths) }

    /// By the order of dropping: tokens are others each time.
    private func anyClaim() -> (SpoolModel.Input, String)? {
        model.inputs.compactMap { input in
            guard case .work(let token) = model.places[input], claims.contains(token) else { return nil }
            return (input, token)
        }.randomElement(using: &random)
    }

    /// A step that the model must allow.
    func take(_ id: JobID, to next: JobState, attempts: Int = 0) {
        let isPossible = model.take(id, to: next, attempts: attempts)
        #expect(isPossible, "\(id) to \(next)")
    }

    private func anyJob() -> JobID? { model.jobs.keys.sorted().randomElement(using: &random) }

    private func digest(_ input: SpoolModel.Input) -> String {
        String(repeating: "0", count: 63) + String(model.contents[input] ?? 0)
    }

    /// A call that must succeed, or must be refused and change nothing.
    private func expect(_ isPossible: Bool, _ call: () throws -> Void) throws {
        do {
            try call()
            #expect(isPossible, "\(history.last ?? "")")
        } catch let failure as Failure where failure.code == .wrongState {
            #expect(!isPossible, "\(history.last ?? ""): \(failure)")
        }
    }

    func note(_ event: String) { history.append(event) }

    static let results = ResultBatch(
        rows: 3, ids: .ordinal, statuses: [0, 1, 0], topK: 2, topClasses: [1, 0, -1, -1, 0, 1],
        topScores: [0.75, 0.25, 0, 0, 0.5, 0.5], margins: [0.5, 0, 0], classNames: ["a", "b"])
}

extension FileName {
    /// A name that is known to be one.
    init(checkedForTest text: String) {
        guard let name = FileName(text) else { preconditionFailure("\(text) is no file name") }
        self = name
    }
}
