import Failures

/// Follows claimed inputs until they are complete: a pure state machine, fed with stamps, told the time.
///
/// A claimed input is examined (the first pass) at once. If it does not parse as complete, or turns out to have changed
/// between two passes, somebody may still be writing it through an open descriptor: it is examined again whenever it
/// has changed and then kept still for `settle`, and given up when it has been still for `incompleteAfter`.
///
/// Nothing here is durable, nor need it be: after a restart every token in work/ without a job is added again.
public struct PendingClaims: Sendable {
    public enum Action: Equatable, Sendable {
        /// Run the first pass; tell the outcome by `incomplete`, `retry` or `remove`.
        case examine(ClaimToken)
        /// It has not changed for long enough: to be quarantined with this failure, and then to be removed.
        case giveUp(ClaimToken, Failure)
        /// It is no longer in work/: somebody took it away by hand. To be removed.
        case vanished(ClaimToken)
    }

    private enum Stage {
        case fresh
        /// An action was given, and what came of it not told yet.
        case underExamination
        /// For a passing trouble to pass.
        case waiting(until: Monotonic.Instant)
        /// Changed since it was last examined.
        case growing
        case incomplete(Failure)
    }

    private struct Claim {
        /// Nil until it is known.
        var stamp: FileStamp?
        var stillSince: Monotonic.Instant
        var stage: Stage
    }

    private static let unknownFor = Duration.seconds(60)

    private let settle: Duration
    private let incompleteAfter: Duration
    private var claims: [ClaimToken: Claim] = [:]
    /// The order in which claims were added, oldest first; may hold tokens that are gone.
    private var order: [ClaimToken] = []
    private var lastStep: Monotonic.Instant?

    public init(settle: Duration = .seconds(2), incompleteAfter: Duration = .seconds(30)) {
        self.settle = settle
        self.incompleteAfter = incompleteAfter
    }

    public var count: Int { claims.count }

    /// The claims whose stamps `step` wants to know: all but those under examination.
    public var tokens: [ClaimToken] {
        order.filter { token in
            guard let claim = claims[token] else { return false }
            if case .underExamination = claim.stage { return false }
            return true
        }
    }

    /// A file was claimed; the next step has it examined.
    public mutating func add(_ token: ClaimToken, stamp: FileStamp, at now: Monotonic.Instant) {
        if claims[token] == nil { order.append(token) }
        claims[token] = Claim(stamp: stamp, stillSince: now, stage: .fresh)
    }

    /// The first pass found the file unfinished, or corrupt as one is that was allocated at its full size and is still
    /// being filled. It is waited for as long as it changes, and `incompleteAfter` longer.
    ///
    /// - Parameter failure: what to report if it never becomes good; its code is kept.
    public mutating func incomplete(_ token: ClaimToken, _ failure: Failure) {
        claims[token]?.stage = .incomplete(failure)
    }

    /// An action could not be carried out: the claim is examined again then, or as soon as it has changed and kept still.
    public mutating func retry(_ token: ClaimToken, at instant: Monotonic.Instant) {
        claims[token]?.stage = .waiting(until: instant)
    }

    /// The bytes were not the same on the second pass: back to waiting, for `settle` at least.
    ///
    /// - Parameter stamp: nil if the file is not there or cannot be asked: the next step finds out.
    public mutating func changed(_ token: ClaimToken, stamp: FileStamp?, at now: Monotonic.Instant) {
        if claims[token] == nil { order.append(token) }
        claims[token] = Claim(stamp: stamp, stillSince: now, stage: .growing)
    }

    /// The claim has a job now, or is quarantined.
    public mutating func remove(_ token: ClaimToken) {
        claims[token] = nil
        forgetOrderOfRemoved()
    }

    /// When stamps are to be looked at again; nil when nothing waits.
    public var nextDeadline: Monotonic.Instant? {
        let next = claims.values.lazy.compactMap { claim -> Monotonic.Instant? in
            switch claim.stage {
            case .underExamination: nil
            case .fresh: claim.stillSince
            case .waiting(let until): until
            case .growing: claim.stillSince + settle
            case .incomplete:
                min(claim.stillSince + incompleteAfter, (lastStep ?? claim.stillSince) + settle)
            }
        }
        return next.min()
    }

    /// Takes in the present stamps and gives the actions that are due.
    ///
    /// - Parameters:
    ///   - stamps: of every one of `tokens`; a token without one counts as vanished.
    ///   - unknown: tokens that could not be looked at, which is tried again in a minute.
    public mutating func step(
        _ stamps: [ClaimToken: FileStamp], unknown: Set<ClaimToken> = [], at now: Monotonic.Instant
    ) -> [Action] {
        lastStep = now
        var actions: [Action] = []
        for token in tokens {
            guard var claim = claims[token] else { continue }
            guard let stamp = stamps[token] else {
                let isUnknown = unknown.contains(token)
                claims[token]?.stage = isUnknown ? .waiting(until: now + Self.unknownFor) : .underExamination
                if !isUnknown { actions.append(.vanished(token)) }
                continue
            }
            if stamp != claim.stamp {
                claim.stamp = stamp
                claim.stillSince = now
                if case .fresh = claim.stage {} else { claim.stage = .growing }
            }
            switch claim.stage {
            case .fresh:
                claim.stage = .underExamination
                actions.append(.examine(token))
            case .growing where now - claim.stillSince >= settle:
                claim.stage = .underExamination
                actions.append(.examine(token))
            case .waiting(let until) where now >= until:
                claim.stage = .underExamination
                actions.append(.examine(token))
            case .incomplete(let failure) where now - claim.stillSince >= incompleteAfter:
                claim.stage = .underExamination
                actions.append(.giveUp(token, failure))
            case .underExamination, .waiting, .growing, .incomplete:
                break
            }
            claims[token] = claim
        }
        return actions
    }

    private mutating func forgetOrderOfRemoved() {
        if order.count > 2 * claims.count + 16 { order.removeAll { claims[$0] == nil } }
    }
}
