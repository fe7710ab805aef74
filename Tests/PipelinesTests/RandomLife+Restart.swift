import Accounting
import Foundation
import Pipelines
import Spooling
import Testing

/// Ends, and what comes after them.
extension RandomLife {
    /// The service ends, orderly or by kill -9, and starts again.
    func restart() throws {
        let isKilled = Bool.random(using: &random)
        note(isKilled ? "kill and restart" : "stop and restart")
        if isKilled { try kill() } else { try store.close() }
        store = try Store.open(path: world.paths.store)
        claims = []
        try world.pipeline.spool.sweep()
        _ = try recovery.recoverStore { _ in Self.attempts }
        claims = Set(try recovery.claims(of: world.pipeline).map(\.token.text))
        model.restart(attemptsAllowed: Self.attempts, mostRetries: Backoff.mostRetries)
        #expect(claims == model.claims)
        try verify()
    }

    /// Leaves of the store what a killed process leaves: the database and its log, with no checkpoint and no farewell.
    private func kill() throws {
        let files = FileManager.default
        let path = world.paths.store
        for suffix in ["", "-wal"] { try files.copyItem(atPath: path + suffix, toPath: path + suffix + ".kept") }
        try store.close()
        for suffix in ["", "-wal"] {
            try files.removeItem(atPath: path + suffix)
            try files.moveItem(atPath: path + suffix + ".kept", toPath: path + suffix)
        }
    }

    /// Brings everything to its end.
    func drain() throws {
        while let input = model.inputs.first(where: { model.places[$0] == .incoming }) {
            let token = ClaimToken.random()
            try store.noteClaims([ClaimNote(token: token.text, pipeline: "p", name: name(input).bytes)])
            _ = world.pipeline.spool.claim([(name(input), token)])
            model.note(token.text, .init(input: input))
            model.move(input, to: .work(token: token.text))
            claims.insert(token.text)
        }
        while !claims.isEmpty { try admit() }
        for (id, job) in model.jobs.sorted(by: { $0.key < $1.key }) where !job.state.isSettled {
            if job.state == .held {
                try store.cancel(id)
                take(id, to: .cancelled)
                continue
            }
            try store.begin(id, nil)
            take(id, to: .running, attempts: 1)
            try store.complete(id, Self.results, Timings())
            take(id, to: .done)
        }
        try restart()
        #expect(model.places.values.allSatisfy { if case .work = $0 { false } else { $0 != .incoming } })
        #expect(try store.claims().isEmpty)
    }
}
