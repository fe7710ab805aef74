import Daemon
import Failures
import Foundation
import TestSupport
import Testing

@Suite("answers of the status socket", .serialized)
struct StatusAnswerTests {
    /// An answer as it comes, with its head.
    private func ask(_ root: Root, _ target: String, method: String = "GET", _ fields: String...) throws -> String {
        let client = try RawClient(path: root.paths.statusSocket)
        let head = ["\(method) \(target) HTTP/1.1", "Host: localhost"] + fields
        try client.send(head.joined(separator: "\r\n") + "\r\n\r\n")
        return try client.answer()
    }

    private func field(_ name: String, of answer: String) -> String? {
        // A head's lines end with CR LF, which Swift takes for one character.
        answer.split(separator: "\r\n").first { $0.hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
    }

    @Test(
        "what has not changed is answered with 304 to who names its tag, and in full once it has",
        arguments: ["/v1/jobs", "/", "/openapi.json"])
    func conditional(target: String) throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        let first = try ask(root, target)
        let tag = try #require(field("ETag", of: first))
        #expect(first.hasPrefix("HTTP/1.1 200 ") && tag.hasPrefix("\"") && tag.hasSuffix("\""))
        for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
            let again = try ask(root, target, "If-None-Match: \(known)")
            #expect(again.hasPrefix("HTTP/1.1 304 ") && again.hasSuffix("\r\n\r\n"), "\(known)")
            #expect(field("ETag", of: again) == tag && field("Content-Length", of: again) == nil)
        }
        #expect(try ask(root, target, "If-None-Match: \"x\"") == first)
        guard target == "/v1/jobs" else { return }
        try root.drop(10, seed: 1, as: "a.safetensors")
        try eventually("done") { try root.states() == [.done] }
        let changed = try ask(root, target, "If-None-Match: \(tag)")
        #expect(changed.hasPrefix("HTTP/1.1 200 ") && field("ETag", of: changed) != tag)
    }

    @Test("what is stuck comes with what to type, which does not try bytes again that would fail again")
    func troubles() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        #expect(try root.client.report().report.troubles == [])
        try (Data("PK\u{3}\u{4}".utf8) + Data(count: 100)).write(
            to: URL(fileURLWithPath: "\(root.paths.spool)/p/incoming/a.npz"))
        try eventually("failed") { try root.states() == [.failed] }
        let trouble = try #require(try root.client.report().report.troubles?.first)
        #expect(
            trouble.words.hasPrefix("1 failed within a day; the newest, job 1: unsupported_format: ") && !trouble.grave)
        #expect(
            trouble.commands.map(\.text) == [
                "sono jobs --state failed --root \(root.scratch.path)",
                "sono job 1 --root \(root.scratch.path)",
            ])
    }

    @Test("a failed job that was requeued is stuck no more, says what it became, and cannot be requeued again")
    func requeued() throws {
        let root = try Root(pipeline: "settle: 100ms\nlimits: { rows: 5 }")
        let service = try root.start()
        defer { service.stop() }
        try root.drop(10, seed: 1, as: "a.safetensors")
        try eventually("too large") { try root.states() == [.failed] }
        let remedy = try root.client.report().report.troubles?.first?.commands.last?.text
        #expect(remedy?.hasPrefix("sono requeue 1") == true)
        try root.configure("p", "model: m.safetensors\nsettle: 100ms\nlimits: { rows: 50 }")
        service.reload()
        // Until the reload has come to all who take part.
        var seed: UInt64 = 2
        try eventually("larger batches are taken") {
            let count = try root.states().count
            try root.drop(10, seed: seed, as: "\(seed).safetensors")
            seed += 1
            try eventually("it is settled") {
                try root.states().count == count + 1 && root.states().allSatisfy(\.isSettled)
            }
            return try root.states().last == .done
        }
        let before = try root.states().count
        func requeue() throws -> String {
            try root.get("/v1/jobs/1/requeue", method: "POST", socket: root.paths.controlSocket).body
        }
        _ = try requeue()
        try eventually("done") { try root.states().count == before + 1 && root.states().last == .done }
        let next = try #require(try root.client.jobs().jobs.last)
        #expect(next.requeueOf == 1)
        #expect(try root.client.job(1).history.requeuedAs == next.jobID)
        // The others that failed were dropped while the reload came through.
        let others = try root.states().count { $0 == .failed } - 1
        let words = try root.client.report().report.troubles?.first?.words
        #expect(others == 0 ? words == nil : words?.hasPrefix("\(others) failed") == true)
        #expect(try requeue().contains("job 1 was requeued as job \(next.jobID)"))
    }

    @Test("jobs are searched by file name and time, and changes are told by the tag as elsewhere")
    func searches() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        for (seed, name) in [(UInt64(1), "first.safetensors"), (2, "Second.safetensors")] {
            try root.drop(10, seed: seed, as: name)
            try eventually("done") { try root.states().count == Int(seed) && root.states().allSatisfy(\.isSettled) }
        }
        let client = UnixHTTPClient(path: root.paths.statusSocket)
        func names(_ query: String) throws -> [String] {
            let response = try client.send("GET", "/v1/jobs?\(query)")
            return try JSONDecoder().decode(JobList.self, from: response.body).jobs.map(\.fileName)
        }
        #expect(try names("file_name=second") == ["Second.safetensors"])
        #expect(try names("since=2020-01-01T00:00:00.000Z&newest_first=1").count == 2)
        #expect(try names("until=2020-01-01T00:00:00.000Z") == [])
        #expect(try client.send("GET", "/v1/jobs?since=yesterday").status == 400)
        let tag = try #require(field("ETag", of: try ask(root, "/v1/jobs?file_name=first")))
        #expect(try ask(root, "/v1/jobs?file_name=first", "If-None-Match: \(tag)").hasPrefix("HTTP/1.1 304 "))
    }

    @Test("the page gives the same advice: it knows the codes that need other bytes")
    func pageAdvice() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        let page = try ask(root, "/")
        let list = try #require(page.firstMatch(of: /badBytes = new Set\((\[.*?\])\)/)?.1)
        let codes = try JSONDecoder().decode([String].self, from: Data(list.utf8))
        #expect(Set(codes) == Set(FailureCode.allCases.filter(\.needsOtherBytes).map(\.rawValue)))
    }

    @Test("HEAD is answered with GET's head and no body, wherever GET is answered", arguments: StatusPlace.allCases)
    func head(place: StatusPlace) throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        let target = place.rawValue.replacing("{id}", with: "1").replacing("{name}", with: "p")
        let head = try ask(root, target, method: "HEAD")
        #expect(head.hasSuffix("\r\n\r\n") && !head.dropLast(4).contains("\r\n\r\n"))
        let get = try ask(root, target)
        // What is measured anew for each answer has another length.
        func stable(_ text: String) -> [Substring] {
            text.split(separator: "\r\n").filter { !$0.hasPrefix("ETag") && !$0.hasPrefix("Content-Length") }
        }
        let end = try #require(get.firstRange(of: "\r\n\r\n"))
        #expect(stable(head) == stable(String(get[..<end.lowerBound])))
        #expect(Int(try #require(field("Content-Length", of: head))) ?? 0 > 0)
    }

    @Test("jobs are listed page by page, the last of which names no next one")
    func pages() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        for number in 1...5 { try root.drop(2, seed: UInt64(number), as: "\(number).safetensors") }
        try eventually("all are done") { try root.states().count { $0 == .done } == 5 }
        for (order, cursor, expected) in [("0", "after", [1, 2, 3, 4, 5]), ("1", "before", [5, 4, 3, 2, 1])] {
            var (found, next): ([Int], String) = ([], "")
            while true {
                let page = try JSONSerialization.jsonObject(
                    with: Data(root.get("/v1/jobs?limit=2&newest_first=\(order)\(next)").body.utf8))
                let object = try #require(page as? [String: Any])
                let jobs = try #require(object["jobs"] as? [[String: Any]])
                found += jobs.compactMap { $0["job_id"] as? Int }
                guard let last = object["next"] as? Int else { break }
                #expect(jobs.count == 2 && found.last == last)
                next = "&\(cursor)=\(last)"
            }
            #expect(found == expected)
        }
    }

    @Test("the page may load and run nothing but itself, is shown in no frame, and tells no one where it was")
    func policy() throws {
        let root = try Root()
        let service = try root.start()
        defer { service.stop() }
        let page = try ask(root, "/")
        let policy = try #require(field("Content-Security-Policy", of: page))
        #expect(policy.hasPrefix("default-src 'none'; connect-src 'self'; style-src 'sha256-"))
        #expect(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"))
        #expect(field("X-Content-Type-Options", of: page) == "nosniff")
        #expect(field("Referrer-Policy", of: page) == "no-referrer")
        #expect(!page.contains("/* page.css */") && !page.contains("/* page.js */"))
    }

    @Test("the last hour has what was done and failed, after a restart too")
    func history() throws {
        let root = try Root()
        let first = try root.start()
        try root.drop(10, seed: 1, as: "a.safetensors")
        try Data("PK\u{3}\u{4}".utf8).write(to: URL(fileURLWithPath: "\(root.paths.spool)/p/incoming/bad.npz"))
        try eventually("both are settled") { try root.states().count == 2 && root.states().allSatisfy(\.isSettled) }
        func sums() throws -> [Int] {
            let answer = try JSONDecoder().decode(HistoryReport.self, from: Data(root.get("/v1/history").body.utf8))
            #expect(answer.minutes.count == 60)
            return [\HistoryReport.Minute.done, \.failed, \.rows].map { key in
                answer.minutes.reduce(0) { $0 + $1[keyPath: key] }
            }
        }
        #expect(try sums() == [1, 1, 10])
        try root.drop(5, seed: 2, as: "b.safetensors")
        try eventually("done") { try root.states().count { $0 == .done } == 2 }
        #expect(try sums() == [2, 1, 15] && sums() == [2, 1, 15])
        first.stop()
        let second = try root.start()
        defer { second.stop() }
        #expect(try sums() == [2, 1, 15])
    }
}
