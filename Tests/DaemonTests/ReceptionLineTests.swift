import Accounting
import Daemon
import EmbeddingSets
import Failures
import Foundation
import Pipelines
import Spooling
import TestSupport
import Testing

@Suite("one pipeline's files on their way to being jobs")
struct ReceptionLineTests {
    @Test("after a trouble the line asks for no turn until it may have passed, and then goes on")
    func trouble() throws {
        let root = try Root(pipeline: "settle: 1ms")
        let pipeline = try root.pipeline()
        let store = try Store.open(path: root.paths.store)
        defer { try? store.close() }
        try store.setBusyTimeout(milliseconds: 20)
        var line = try ReceptionLine(pipeline: pipeline, store: store, paths: root.paths, reception: root.reception())
        try root.drop(10, seed: 1, as: "a.safetensors")
        _ = line.step()
        let lock = try WriteLock(on: root.paths.store)
        var troubles = 0
        try eventually("it fails to claim") {
            for case .trouble in line.step() { troubles += 1 }
            return troubles == 1
        }
        let next = try #require(line.nextDeadline)
        #expect(next > Monotonic.now)
        #expect(line.step().isEmpty)
        #expect(line.nextDeadline == next)
        try lock.release()
        var admitted: [QueuedJob] = []
        try eventually("it goes on") {
            for case .admitted(let job) in line.step() { admitted.append(job) }
            return !admitted.isEmpty
        }
        #expect(admitted.map(\.state) == [.queued])
    }

    @Test("what lies in work/ untended is taken up while the service runs; notes of nothing are forgotten")
    func stranded() throws {
        let root = try Root()
        let pipeline = try root.pipeline()
        let store = try Store.open(path: root.paths.store)
        defer { try? store.close() }
        var line = try ReceptionLine(pipeline: pipeline, store: store, paths: root.paths, reception: root.reception())
        #expect(line.step().isEmpty)

        try root.drop(10, seed: 1, as: "a.safetensors")
        let token = ClaimToken.random()
        try store.noteClaims([
            ClaimNote(token: token.text, pipeline: "p", name: Array("a.safetensors".utf8)),
            ClaimNote(token: ClaimToken.random().text, pipeline: "p", name: Array("b.safetensors".utf8)),
        ])
        let spool = pipeline.spool.layout
        try #require(rename("\(spool.incoming)/a.safetensors", spool.path(of: token)) == 0)
        line.mustCompare = true
        let admitted = line.step().compactMap { if case .admitted(let job) = $0 { job } else { nil } }
        #expect(admitted.map(\.name) == [Array("a.safetensors".utf8)] && admitted.map(\.state) == [.queued])
        #expect(try store.claims().isEmpty)
        line.mustCompare = true
        #expect(line.step().isEmpty)
    }

    @Test("a suspect whose first pass hangs holds up nobody who comes after it")
    func suspect() throws {
        let root = try Root()
        let pipeline = try root.pipeline()
        let store = try Store.open(path: root.paths.store)
        defer { try? store.close() }
        // What stands for the process of its own: one that never answers.
        let program = "\(root.paths.state)/hangs"
        try Data("#!/bin/sh\nexec sleep 60\n".utf8).write(to: URL(fileURLWithPath: program))
        try #require(chmod(program, 0o755) == 0)
        let (token, other) = (ClaimToken.random(), ClaimToken.random())
        let examinations = try Examinations(path: root.paths.examining, known: [token.text, other.text])
        examinations.count(token)
        let reception = Reception(isolation: Isolation(program: program), examinations: examinations)
        var line = ReceptionLine(pipeline: pipeline, store: store, paths: root.paths, reception: reception)
        for (seed, token) in [(UInt64(1), token), (2, other)] {
            try root.drop(10, seed: seed, as: "\(seed).safetensors")
            try store.noteClaims([
                ClaimNote(token: token.text, pipeline: "p", name: Array("\(seed).safetensors".utf8))
            ])
            let layout = pipeline.spool.layout
            try #require(rename("\(layout.incoming)/\(seed).safetensors", layout.path(of: token)) == 0)
        }
        line.mustCompare = true
        var admitted: [QueuedJob] = []
        try eventually("the other is a job", within: 5) {
            for case .admitted(let job) in line.step() { admitted.append(job) }
            return !admitted.isEmpty
        }
        #expect(admitted.map(\.token) == [other.text])
        #expect(try store.claims().map(\.token) == [token.text])
        reception.stop()
        reception.waitUntilSuspectsStopped()
    }
}
