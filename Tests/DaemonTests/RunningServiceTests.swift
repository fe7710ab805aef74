import Accounting
import CLinux
import Daemon
import Failures
import Foundation
import Pipelines
import Spooling
import TestSupport
import Testing

@Suite("a running service", .serialized)
struct RunningServiceTests {
    @Test("batches dropped while it runs and while it did not are computed, and status says so")
    func batches() throws {
        let root = try Root()
        try root.start().stop()
        try root.drop(100, seed: 1, as: "before.safetensors")
        let service = try root.start()
        try root.drop(200, seed: 2, as: "during.safetensors.zst")
        try eventually("both are done") { try root.states() == [.done, .done] }
        let (report, source) = try root.client.report()
        #expect(source == .service && report.phase == .ready && report.version == "test")
        #expect(report.pipelines.map(\.name) == ["p"] && report.pipelines[0].state == .running)
        #expect(report.pipelines[0].counts?.rowsOK == 300)
        #expect(report.pipelines[0].model?.steps == 2)
        #expect(try root.client.results(after: 100).page.results.count == 200)
        #expect(try root.client.job(1).history.changes.map(\.toState) == [.queued, .running, .done])
        #expect(service.stop() == nil)
        let (after, fallback) = try root.client.report()
        #expect(fallback != .service && after.phase == .down && after.pipelines[0].counts?.rowsOK == 300)
    }

    @Test("the sockets answer however deep the root lies, and only GET on the status socket")
    func sockets() throws {
        let root = try Root(name: "sono-\(UUID().uuidString)-" + String(repeating: "deep", count: 40))
        let service = try root.start()
        defer { service.stop() }
        #expect(try root.get("/health/live").status == 200)
        #expect(try root.get("/health/ready").body == "ready\n")
        #expect(try root.get("/v1/status", method: "POST").status == 405)
        #expect(try root.get("/v1/jobs/1/cancel", method: "POST").status == 405)
        #expect(try root.get("/v1/jobs/77").status == 404)
        #expect(try root.get("/v1/jobs?limit=0").status == 400)
        #expect(try root.get("/v1/jobs?stat=done").status == 400)
        #expect(try root.get("/nothing").status == 404)
        let metrics = try root.get("/metrics").body
        #expect(metrics.contains("sono_ready 1\n") && metrics.contains("sono_pipeline_up{pipeline=\"p\"} 1"))
        #expect(try root.get("/v1/jobs/1/hold", socket: root.paths.controlSocket).status == 405)
    }

    @Test("a second service on the same root is refused, and the first is named")
    func second() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        let failure = try #require(throws: Failure.self) { try root.start() }
        #expect(failure.code == .alreadyRunning && failure.message.contains("\(getpid())"))
        #expect(try root.get("/health/live").status == 200)
    }

    @Test("a bad file makes one pipeline misconfigured while others run; without a valid one there is no service")
    func misconfigured() throws {
        let root = try Root()
        try root.configure("bad", "model: m.safetensors\nclasify: {}")
        try root.configure("lost", "model: nowhere.safetensors")
        let service = try root.start()
        try root.drop(10, seed: 1, as: "a.safetensors")
        try eventually("done") { try root.states() == [.done] }
        let report = try root.client.report().report
        #expect(report.pipelines.map(\.state) == [.misconfigured, .misconfigured, .running])
        #expect(report.pipelines.map(\.problem?.code) == ["configuration_invalid", "model_missing", nil])
        service.stop()
        try FileManager.default.removeItem(atPath: "\(root.paths.configuration)/p.yaml")
        let failure = try #require(throws: Failure.self) { try root.start() }
        #expect([.configurationInvalid, .modelMissing].contains(failure.code))
    }

    @Test("files dropped for a pipeline that is not served are seen in the status")
    func unserved() throws {
        let root = try Root()
        try root.configure("old", "model: m.safetensors")
        let service = try root.start()
        defer { service.stop() }
        try FileManager.default.removeItem(atPath: "\(root.paths.configuration)/old.yaml")
        service.reload()
        #expect(try root.client.report().report.pipelines.map(\.name) == ["p"])
        // The reception may be in the middle of its turn: what it takes in the turn after that, it takes as the reload said.
        for number in 1...2 {
            try root.drop(10, seed: UInt64(10 + number), as: "\(number).safetensors")
            try eventually("done") { try root.states() == Array(repeating: .done, count: number) }
        }
        try root.drop(10, seed: 1, as: "a.safetensors", into: "old")
        let pipelines = try root.client.report().report.pipelines
        #expect(pipelines.map(\.state) == [.removed, .running])
        #expect(pipelines.map(\.incoming) == [1, 0])
        // A pipeline whose file is broken is left alone too, and its files are counted.
        try root.configure("old", "modle: m.safetensors")
        service.reload()
        let broken = try root.client.report().report.pipelines
        #expect(broken.map(\.state) == [.misconfigured, .running] && broken.map(\.incoming) == [1, 0])
    }

    @Test("a pipeline whose trouble passes begins to run by itself; where none can run, what may pass is named")
    func lateFileSystem() throws {
        let root = try Root()
        try root.configure("a", "model: nowhere.safetensors")
        try root.configure("q", "model: m.safetensors")
        try FileManager.default.createDirectory(atPath: root.paths.spool, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: "\(root.paths.spool)/q"))
        let service = try root.start(retryAfter: .milliseconds(50))
        #expect(try root.client.report().report.pipelines.map(\.state) == [.misconfigured, .running, .misconfigured])
        try FileManager.default.removeItem(atPath: "\(root.paths.spool)/q")
        try eventually("it runs") { try root.client.report().report.pipelines[2].state == .running }
        try root.drop(10, seed: 1, as: "a.safetensors", into: "q")
        try eventually("and works") { try root.states() == [.done] }
        service.stop()

        try FileManager.default.removeItem(atPath: "\(root.paths.configuration)/p.yaml")
        try FileManager.default.removeItem(atPath: "\(root.paths.spool)/q")
        try Data().write(to: URL(fileURLWithPath: "\(root.paths.spool)/q"))
        #expect(try #require(throws: Failure.self) { try root.start() }.code == .ioError)
    }

    @Test("reload takes up new, changed and removed pipelines; a bad file leaves the running one as it was")
    func reload() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        try root.configure("q", "model: m.safetensors\nclassify: { top_k: 1 }")
        service.reload()
        try root.drop(10, seed: 1, as: "a.safetensors", into: "q")
        try eventually("the new pipeline works") { try root.states() == [.done] }

        try root.configure("q", "model: m.safetensors\nclassify: { top_k: none }")
        service.reload()
        let refused = try root.client.report().report.pipelines[1]
        #expect(refused.state == .running && refused.problem?.code == "configuration_invalid")
        #expect(refused.problem?.message.hasSuffix("goes on as it was.") == true)
        try root.drop(10, seed: 2, as: "b.safetensors", into: "q")
        try eventually("it still works") { try root.states() == [.done, .done] }

        try FileManager.default.removeItem(atPath: "\(root.paths.configuration)/q.yaml")
        service.reload()
        try root.drop(10, seed: 3, as: "c.safetensors", into: "q")
        try root.drop(10, seed: 4, as: "d.safetensors")
        try eventually("the other one works on") { try root.states() == [.done, .done, .done] }
        #expect(try root.names("incoming", of: "q") == ["c.safetensors"])
        #expect(try root.client.report().report.pipelines[1].state == .removed)

        try root.configure("q", "model: m.safetensors")
        service.reload()
        try eventually("what waited is done") { try root.states().count == 4 && root.states().last == .done }
    }

    @Test("jobs are held, released, cancelled and requeued through the control socket, and with no service running")
    func control() throws {
        let root = try Root(pipeline: "settle: 100ms\nrefine: { steps: 100 }")
        let first = try root.start()
        // The first keeps the others waiting.
        for (number, rows) in [(1, 100_000), (2, 10), (3, 10)] {
            try root.drop(rows, seed: UInt64(number), as: "\(number).safetensors")
            try eventually("it is a job") { try root.client.jobs().jobs.count == number }
        }
        let control = ControlClient(paths: root.paths)
        #expect(try control.apply(.hold, to: 3).job.state == .held)
        #expect(try #require(throws: Failure.self) { try control.apply(.hold, to: 3) }.code == .wrongState)
        #expect(try control.apply(.release, to: 3).job.state == .queued)
        try eventually("all are done") { try root.states() == [.done, .done, .done] }
        #expect(try #require(throws: Failure.self) { try control.apply(.cancel, to: 1) }.code == .wrongState)
        #expect(try #require(throws: Failure.self) { try control.apply(.hold, to: 99) }.code == .notFound)

        #expect(try control.apply(.requeue, to: 1).requeued)
        try eventually("requeued and done") { try root.states() == [.done, .done, .done, .done] }
        let last = try root.client.job(4).history.job
        #expect(last.supersedes == 1 && last.fileName == "1.safetensors")
        first.stop()

        #expect(try control.apply(.requeue, to: 2).requeued)
        let second = try root.start()
        defer { second.stop() }
        try eventually("requeued while down") { try root.states().count == 5 && root.states().last == .done }
    }

    @Test("a hold or a cancel that is answered has happened, also to the batch that is being computed")
    func controlOfRunning() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        let control = ControlClient(paths: root.paths)
        for number in 1...8 {
            let id = JobID(number)
            try root.drop(30_000, seed: UInt64(number), as: "\(number).safetensors")
            try eventually("it is a job") { try root.client.jobs().jobs.count == number }
            let (verb, asked) = number % 2 == 0 ? (ControlVerb.hold, JobState.held) : (.cancel, .cancelled)
            do {
                #expect(try control.apply(verb, to: id).job.state == asked)
                #expect(try root.client.job(id).history.job.state == asked)
            } catch let failure as Failure where failure.code == .wrongState {
                #expect(try root.client.job(id).history.job.state == .done)
            }
        }
    }

    @Test("bytes submitted to be computed again are, under a taken name and after a restart too")
    func again() throws {
        let root = try Root()
        let service = try root.start()
        try root.drop(10, seed: 1, as: "a.safetensors")
        try eventually("done") { try root.states() == [.done] }
        let done = "\(root.paths.spool)/p/done/1--a.safetensors"
        let layout = SpoolLayout(root: root.paths.spool, pipeline: "p")
        _ = try Submission.submit(path: done, name: FileName("b.safetensors"), to: layout)
        try eventually("a duplicate") { try root.states() == [.done, .duplicate] }
        service.stop()
        let twice = try (0..<2).map { number in
            try Submission.submit(path: done, name: FileName("b.safetensors"), to: layout, again: number == 0)
        }
        #expect(twice.map(\.name.displayText) == ["b.safetensors", "b.safetensors"])
        let next = try root.start()
        defer { next.stop() }
        try eventually("both are settled") {
            try root.states().count == 4 && root.states().allSatisfy(\.isSettled)
        }
        let jobs = try root.client.jobs().jobs
        #expect(jobs.map(\.fileName) == ["a.safetensors", "b.safetensors", "b.safetensors", "b.safetensors"])
        #expect(jobs.count { $0.supersedes == 1 && $0.state == .done } == 1)
        #expect(jobs.count { $0.state == .duplicate } == 2)
    }

    @Test("a stop with a batch under way takes seconds at most, and the batch is finished after the next start")
    func stopInFlight() throws {
        let root = try Root()
        let service = try root.start()
        for number in 1...4 { try root.drop(100_000, seed: UInt64(number), as: "\(number).safetensors") }
        try eventually("one is computed") { try root.client.report().report.running != nil }
        let began = Date()
        #expect(service.stop() == nil)
        #expect(Date().timeIntervalSince(began) < 10)
        let jobs = try root.client.jobs().jobs
        #expect(jobs.allSatisfy { $0.state == .queued && $0.attempts == 0 || $0.state == .done && $0.attempts == 1 })
        let next = try root.start()
        defer { next.stop() }
        try eventually("all are done", within: 120) { try root.states() == [.done, .done, .done, .done] }
        #expect(try root.client.report().report.pipelines[0].counts?.rowsOK == 400_000)
    }

    @Test(
        "a directory that is taken from under the service is made anew, and the service goes on, computing included",
        arguments: ["/incoming", "/work", ""])
    func lostDirectory(part: String) throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        // In one step: the service makes anew what is missing while rm -r is at work.
        try #require(rename("\(root.paths.spool)/p\(part)", root.scratch("away")) == 0)
        try eventually("it is back") {
            ["work", "incoming", ".tmp"].allSatisfy { (try? root.names($0)) != nil }
        }
        try root.drop(10, seed: 1, as: "a.safetensors")
        try eventually("done") { try root.states() == [.done] }
    }

    @Test("directories that go away with batches in work, and come back, cost none of them")
    func directoriesAway() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        try root.drop(400_000, seed: 1, as: "large.safetensors")
        try eventually("it is computed") { try root.states() == [.running] }
        for number in 2...6 { try root.drop(10, seed: UInt64(number), as: "\(number).safetensors") }
        try eventually("all are claimed") { try root.names("incoming").isEmpty }
        let (here, away) = ("\(root.paths.spool)/p", root.scratch("away"))
        try #require(rename(here, away) == 0)
        try eventually("they are made anew") { (try? root.names("work")) != nil }
        // Long enough for the lane to miss them.
        usleep(1_500_000)
        // In one step: were there none for a moment, the service would make them once more.
        try #require(rename_exchanging(away, here) == 0)
        try eventually("all are done") { try root.states().count == 6 && root.states().allSatisfy { $0 == .done } }
        try eventually("all are filed, under their names") {
            try root.names("done").map { String($0.drop { $0 != "-" }) }.sorted()
                == (2...6).map { "--\($0).safetensors" } + ["--large.safetensors"]
        }
        #expect(try root.names("work") == [] && root.names("failed") == [])
    }

    @Test("a file that is cut short is waited for, then quarantined as incomplete")
    func incomplete() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        try root.drop(100, seed: 1, as: "whole.safetensors")
        try eventually("done") { try root.states() == [.done] }
        let whole = try Data(contentsOf: URL(fileURLWithPath: "\(root.paths.spool)/p/done/1--whole.safetensors"))
        try whole.dropLast(100).write(to: URL(fileURLWithPath: "\(root.paths.spool)/p/incoming/cut.safetensors"))
        try eventually("it fails") { try root.states() == [.done, .failed] }
        #expect(try root.client.job(2).history.job.errorCode == "incomplete")
        try eventually("it is filed") {
            try root.names("failed") == ["2--cut.safetensors", "2--cut.safetensors.reason.json"]
        }
    }
}
