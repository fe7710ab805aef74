import Foundation
import GRDB
import TestSupport
import Testing

@Suite("the service")
struct ServiceTests {
    @Test("a dropped batch becomes rows that agree with `sono refine` on the same file")
    func dropToRows() throws {
        let service = try Service()
        try service.start()
        let batch = Batches.batch(rows: 1_000, seed: 3)
        try service.drop(batch.zstdFrame, as: "a.safetensors.zst")
        try service.waitUntilSettled()

        let input = service.root("a.safetensors")
        try batch.write(to: URL(fileURLWithPath: input))
        let output = service.root("refined.safetensors")
        let refined = try Sono.run(["refine", "--model", Batches.model.path, input, output])
        #expect(refined.status == 0, "\(refined.errors)")
        let expected = try Tensors(path: output)
        let predicted = try expected.int32s("predicted")
        let score = try expected.floats("score")

        let rows = try service.rows(
            "SELECT row, item_id, class, label, score, margin, status, top_k FROM v1_results ORDER BY row")
        #expect(rows.count == 1_000)
        for (index, row) in rows.enumerated() {
            #expect(row["row"] as Int == index)
            #expect(row["item_id"] as String == "\(3_000_000 + index)")
            #expect(row["class"] as Int32 == predicted[index])
            #expect(row["label"] as String == "class \(predicted[index])")
            #expect(abs((row["score"] as Double) - Double(score[index])) < 1e-6)
            #expect(row["status"] as String == "ok")
        }
        let status = try Sono.run(["status", "--root", service.root.url.path])
        #expect(status.status == 0)
        #expect(status.output.contains("p"), "\(status.output)")
        #expect(try service.files(in: "done").count == 1)
        #expect(service.stop() == 0)
    }

    @Test("status, jobs, job and results answer from SQLite while the daemon is down, and say so")
    func queriesWhileDown() throws {
        let service = try Service()
        try service.start()
        try service.drop(Batches.batch(rows: 10, seed: 1), as: "a.safetensors")
        try service.waitUntilSettled()
        let root = ["--root", service.root.url.path]
        // How long the commit took is recorded after it.
        try eventually("all is recorded") { try service.number("SELECT commit_seconds IS NOT NULL FROM v1_jobs") == 1 }
        let up = try Sono.run(["jobs", "--json"] + root)
        #expect(service.stop() == 0)
        let down = try Sono.run(["jobs", "--json"] + root)
        #expect(down.status == 0)
        #expect(down.output == up.output)
        #expect(!down.errors.isEmpty)
        for command in [["status"], ["queue"], ["job", "1"], ["results", "--after", "0"]] {
            let answer = try Sono.run(command + root)
            // Of the others it is asked what is stored, and that is answered.
            #expect(answer.status == (command == ["status"] ? 69 : 0), "\(command): \(answer.errors)")
            #expect(!answer.output.isEmpty)
        }
    }

    @Test("a second daemon on the same root exits 75 and names the first")
    func secondDaemon() throws {
        let service = try Service()
        try service.start()
        let second = try Sono.run(["serve", "--root", service.root.url.path])
        #expect(second.status == 75)
        #expect(second.errors.contains("\(service.process?.processIdentifier ?? 0)"), "\(second.errors)")
        #expect(service.isRunning)
        #expect(service.stop() == 0)
    }

    @Test("a reload takes a good file and leaves the running pipeline as it was for a bad one")
    func reload() throws {
        let service = try Service()
        try service.start()
        let file = service.root.url.appending(path: "pipeline.d/p.yaml")
        try Data("model: reference.safetensors\nclasify: { top_k: 2 }\n".utf8).write(to: file)
        service.signal(SIGHUP)
        try eventually("the bad key is named in the log") { service.log.contains("clasify") }
        try service.drop(Batches.batch(rows: 10, seed: 1), as: "a.safetensors")
        try service.waitUntilSettled()
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") == 1)

        try Data("\(Service.pipeline)\nclassify: { top_k: 1 }\n".utf8).write(to: file)
        service.signal(SIGHUP)
        try eventually("the new top_k is in force") {
            try service.drop(Batches.batch(rows: 5, seed: .random(in: 2...1_000_000)), as: "b.safetensors")
            try service.waitUntilSettled()
            let last = try service.rows("SELECT top_k FROM v1_results ORDER BY seq DESC LIMIT 1").first?[0] as String?
            return try JSONSerialization.jsonObject(with: Data((last ?? "[]").utf8)) as? [[Any]] != nil
                && last?.filter { $0 == "[" }.count == 2
        }
        #expect(service.stop() == 0)
    }

    @Test("hold keeps a waiting batch back, release lets it run, cancel ends it, requeue makes a new job")
    func control() throws {
        // Many steps, so that the first batch is still computed while the others are held.
        let service = try Service(pipeline: "\(Service.pipeline)\nrefine: { steps: 200 }\n")
        try service.start()
        func sono(_ verb: String, _ job: Int) throws -> Int32 {
            try Sono.run([verb, "\(job)", "--root", service.root.path]).status
        }
        func state(_ job: Int) throws -> String {
            try #require(service.rows("SELECT state FROM v1_jobs WHERE job_id = \(job)").first?[0] as String?)
        }
        try service.drop(Batches.batch(rows: 400_000, seed: 1), as: "long.safetensors")
        try eventually("it is a job") { try service.number("SELECT count(*) FROM v1_jobs") == 1 }
        for number in 2...3 {
            try service.drop(Batches.batch(rows: 10, seed: UInt64(number)), as: "\(number).safetensors")
            try eventually("it is a job") { try service.number("SELECT count(*) FROM v1_jobs") == number }
            #expect(try sono("hold", number) == 0)
        }
        try eventually("the first is done", within: 240) { try state(1) == "done" }
        #expect(try state(2) == "held" && state(3) == "held")
        #expect(try sono("release", 2) == 0)
        try eventually("the released one is done") { try state(2) == "done" }
        #expect(try sono("cancel", 3) == 0)
        #expect(try state(3) == "cancelled")
        #expect(try sono("cancel", 3) == 65)
        #expect(try service.files(in: "failed").count == 2)

        #expect(try sono("requeue", 3) == 0)
        try eventually("a cancelled one is done as a new job") {
            try service.number(
                "SELECT count(*) FROM v1_jobs WHERE job_id = 4 AND state = 'done' AND supersedes IS NULL") == 1
        }
        #expect(try sono("requeue", 2) == 0)
        try eventually("a done one is done again") {
            try service.number(
                "SELECT count(*) FROM v1_jobs WHERE supersedes = 2 AND state = 'done'") == 1
        }
        #expect(try service.number("SELECT count(*) FROM v1_results") == 400_030)
        #expect(service.stop() == 0)
    }

    @Test("a batch that is being computed is held, released and cancelled at once, and no attempt is counted")
    func controlOfRunning() throws {
        let service = try Service(pipeline: "\(Service.pipeline)\nrefine: { steps: 50 }\n")
        try service.start()
        let root = ["--root", service.root.path]
        func isState(_ state: String) throws -> Bool {
            try service.number("SELECT count(*) FROM v1_jobs WHERE state = '\(state)'") == 1
        }
        try service.drop(Batches.batch(rows: 400_000, seed: 1), as: "long.safetensors")
        try eventually("it runs") { try isState("running") }
        #expect(try Sono.run(["hold", "1"] + root).status == 0)
        #expect(try isState("held"))
        #expect(try service.number("SELECT attempts FROM v1_jobs") == 0)
        #expect(try Sono.run(["release", "1"] + root).status == 0)
        try eventually("it runs again") { try isState("running") }
        #expect(try Sono.run(["cancel", "1"] + root).status == 0)
        #expect(try isState("cancelled"))
        #expect(try service.number("SELECT count(*) FROM v1_results") == 0)
        #expect(try service.files(in: "work").isEmpty && service.files(in: "failed").count == 2)
        #expect(service.stop() == 0)
    }

    @Test("a reload asked for as soon as the service is there is done, and does not end it")
    func earlyReload() throws {
        let service = try Service()
        let logs = service.root.url.appending(path: "logs")
        let process = try Sono.start(["serve", "--root", service.root.path], logs: logs)
        defer { kill(process.processIdentifier, SIGKILL) }
        // The lock is the first thing that it takes, long before it is ready.
        try eventually("it has begun") { FileManager.default.fileExists(atPath: service.root("spool/.lock")) }
        #expect(kill(process.processIdentifier, SIGHUP) == 0)
        try eventually("it has reloaded") {
            try #require(process.isRunning, "the service ended: \(service.log)")
            return service.log.contains("reloaded pipelines=p")
        }
        #expect(kill(process.processIdentifier, SIGTERM) == 0)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("verify recomputes a finished job bit for bit, and notices a changed result")
    func verify() throws {
        let service = try Service()
        try service.start()
        try service.drop(Batches.batch(rows: 3_000, seed: 1), as: "a.safetensors")
        try service.waitUntilSettled()
        #expect(service.stop() == 0)
        let same = try Sono.run(["verify", "1", "--root", service.root.url.path])
        #expect(same.status == 0, "\(same.errors)")
        let database = try DatabaseQueue(path: service.root("state/sono.sqlite"))
        try database.write { db in
            let table = try String.fetchOne(
                db, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'result%'")
            try db.execute(sql: "UPDATE \(try #require(table)) SET score = score + 0.001 WHERE seq = 1234")
        }
        try database.close()
        let changed = try Sono.run(["verify", "1", "--root", service.root.url.path])
        #expect(changed.status == 1, "\(changed.output)\(changed.errors)")
        #expect(changed.output.contains("row 1233 score: stored"), "\(changed.output)")
    }

    @Test("verify uses the kernel that the job was computed with, and names the first row that differs")
    func verifyKernel() throws {
        let service = try Service(pipeline: "\(Service.pipeline)\nretention: { inputs: 1s }\n")
        try service.start(under: ["/usr/bin/env", "SONO_KERNEL=portable"])
        try service.drop(Batches.batch(rows: 3_000, seed: 1), as: "a.safetensors")
        try service.waitUntilSettled()
        #expect(try service.rows("SELECT kernel FROM v1_jobs").first?[0] == "portable")
        let verify = ["verify", "1", "--root", service.root.path]
        let same = try Sono.run(verify + ["--json"])
        #expect(same.status == 0, "\(same.errors)")
        #expect(try same.json()["notes"] as? [String] == [])
        // Retention takes the input: then there is nothing to compare with, and that is no difference.
        sleep(2)
        #expect(try Sono.run(["gc", "--root", service.root.path]).status == 0)
        let gone = try Sono.run(verify)
        #expect(gone.status == 66 && gone.errors.contains("removed by retention"), "\(gone.errors)")
        #expect(service.stop() == 0)
    }

    @Test("submit --wait delivers, reports the job, and calls the same bytes a duplicate unless --again is given")
    func submit() throws {
        let service = try Service()
        try service.start()
        let file = service.root("mine.safetensors")
        try Batches.batch(rows: 50, seed: 9).write(to: URL(fileURLWithPath: file))
        let arguments = ["submit", file, "--pipeline", "p", "--wait", "--root", service.root.url.path]
        let first = try Sono.run(arguments)
        #expect(first.status == 0, "\(first.errors)")
        #expect(try service.number("SELECT count(*) FROM v1_results") == 50)
        #expect(FileManager.default.fileExists(atPath: file), "submit copies, it does not take")
        let second = try Sono.run(arguments)
        #expect(second.status == 0, "\(second.errors)")
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'duplicate' AND duplicate_of = 1") == 1)
        let again = try Sono.run(arguments + ["--again"])
        #expect(again.status == 0, "\(again.errors)")
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE supersedes = 1 AND state = 'done'") == 1)
        #expect(try service.number("SELECT count(*) FROM v1_results") == 100)
        #expect(service.stop() == 0)
    }
}
