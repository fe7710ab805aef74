import Accounting

/// What spool and store should say, kept by the simplest means: the protocol of a batch's life as a pure value.
///
/// Told what is done, it answers what must come of it. It knows no file, no SQLite and no clock.
struct SpoolModel {
    /// An input that was dropped, by the order of dropping.
    typealias Input = Int

    enum Place: Hashable {
        case incoming
        case work(token: String)
        case done(JobID)
        case failed(JobID)
    }

    struct Note: Equatable {
        var input: Input
        var requeueOf: JobID?
    }

    struct Job: Equatable {
        var input: Input
        var token: String
        var state: JobState
        var attempts = 0
        var retries = 0
        var duplicateOf: JobID?
        var supersedes: JobID?
        var isFiled = false
        /// Computed and awaiting its commit beside another: not suspected after a crash.
        var isComputed = false
        /// False for a file that could not be read: nobody knows its bytes.
        var hasIdentity = true
    }

    private(set) var places: [Input: Place] = [:]
    /// What bytes an input has: those with the same number are the same.
    private(set) var contents: [Input: Int] = [:]
    private(set) var notes: [String: Note] = [:]
    private(set) var jobs: [JobID: Job] = [:]
    /// Which job answers for which bytes.
    private var holders: [Int: JobID] = [:]

    var inputs: Range<Input> { 0..<contents.count }

    mutating func drop(contents number: Int) {
        places[inputs.upperBound] = .incoming
        contents[inputs.upperBound] = number
    }

    mutating func note(_ token: String, _ note: Note) { notes[token] = note }

    mutating func forget(_ token: String) { notes[token] = nil }

    mutating func move(_ input: Input, to place: Place) { places[input] = place }

    /// Files in work/ that are no jobs yet.
    var claims: Set<String> {
        Set(places.values.compactMap { if case .work(let token) = $0 { token } else { nil } })
            .subtracting(jobs.values.map(\.token))
    }

    func input(at place: Place) -> Input? { places.first { $0.value == place }?.key }

    /// Step 2 for a file that can be used.
    mutating func admit(_ token: String, as id: JobID) -> Job? {
        guard let input = input(at: .work(token: token)), let content = contents[input] else { return nil }
        let note = notes.removeValue(forKey: token)
        var job = Job(input: input, token: token, state: .queued)
        if let holder = holders[content], let state = jobs[holder]?.state, state.absorbsSameBytes {
            if state == .done, note?.requeueOf != nil {
                job.supersedes = holder
            } else {
                (job.state, job.duplicateOf) = (.duplicate, holder)
            }
        }
        if job.state == .queued { holders[content] = id }
        jobs[id] = job
        return job
    }

    /// Step 2 for a file that cannot be used; one that cannot even be read has no identity.
    mutating func refuse(_ token: String, as id: JobID, isReadable: Bool) {
        guard let input = input(at: .work(token: token)), let content = contents[input] else { return }
        notes[token] = nil
        jobs[id] = Job(input: input, token: token, state: .failed, hasIdentity: isReadable)
        guard isReadable else { return }
        let stands = holders[content].flatMap { jobs[$0]?.state.absorbsSameBytes } ?? false
        if !stands { holders[content] = id }
    }

    /// Whether a job may go from where it is to `next`; if so, it does.
    mutating func take(_ id: JobID, to next: JobState, from sources: Set<JobState>? = nil, attempts: Int = 0) -> Bool {
        guard var job = jobs[id], job.state.canBecome(next), sources?.contains(job.state) ?? true else { return false }
        job.state = next
        job.attempts += attempts
        if next == .retrying { job.retries += 1 }
        if next == .running { job.isComputed = false }
        jobs[id] = job
        if next.filesUnderFailed, let content = contents[job.input], holders[content] == id,
            let before = job.supersedes
        {
            holders[content] = before
        }
        return true
    }

    mutating func compute(_ id: JobID) {
        if jobs[id]?.state == .running { jobs[id]?.isComputed = true }
    }

    /// Step 7.
    mutating func file(_ id: JobID) {
        guard let job = jobs[id], job.state.isSettled, !job.isFiled else { return }
        jobs[id]?.isFiled = true
        // Its own file, and not one that has gone on to another job.
        if places[job.input] == .work(token: job.token) {
            places[job.input] = job.state.filesUnderFailed ? .failed(id) : .done(id)
        }
    }

    var unfiled: [JobID] { jobs.filter { $0.value.state.isSettled && !$0.value.isFiled }.keys.sorted() }

    func mayRequeue(_ id: JobID) -> Bool {
        guard let job = jobs[id], job.isFiled, job.state == .done || job.state.filesUnderFailed,
            !notes.values.contains(where: { $0.requeueOf == id }), let content = contents[job.input]
        else { return false }
        return !job.hasIdentity || holders[content] == nil || holders[content] == id
    }

    /// A start after whatever: what was running has crashed, settled jobs are filed, notes without a file are forgotten.
    mutating func restart(attemptsAllowed: Int, mostRetries: Int) {
        for (id, job) in jobs where job.state == .running {
            if job.isComputed || job.attempts > 1, job.retries < mostRetries {
                // It awaited its commit, or ran in a process of its own, which does not end the service.
                jobs[id]?.retries += 1
                _ = take(id, to: .queued, attempts: -1)
            } else {
                _ = take(id, to: job.attempts >= max(2, attemptsAllowed) ? .failed : .retrying)
            }
        }
        for id in unfiled { file(id) }
        compare()
    }

    /// Notes whose file is not in work/ are forgotten; a file there that has none gets one.
    mutating func compare() {
        notes = notes.filter { token, _ in input(at: .work(token: token)) != nil }
    }
}
