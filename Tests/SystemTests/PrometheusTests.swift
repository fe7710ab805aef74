import Failures
import Foundation
import TestSupport
import Testing

@Suite("Prometheus")
struct PrometheusTests {
    private static let promtool = URL(fileURLWithPath: "/usr/bin/promtool")
    private static let prometheus = URL(fileURLWithPath: "/usr/bin/prometheus")
    private static let integrations = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "integrations")

    static let isInstalled =
        FileManager.default.isExecutableFile(atPath: promtool.path)
        && FileManager.default.isExecutableFile(atPath: prometheus.path)

    /// A service of which every metric has something to tell: batches that were done and one that failed.
    private func busyService(port: Int) throws -> Service {
        let service = try Service()
        try service.start(options: ["--http", "127.0.0.1:\(port)"])
        try service.drop(Batches.batch(rows: 500, seed: 1), as: "a.safetensors")
        try service.drop(Data("no batch".utf8), as: "b.safetensors")
        try service.waitUntilSettled()
        return service
    }

    /// - Returns: nil while nobody answers.
    private func get(_ port: Int, _ target: String) throws -> String? {
        let answer = try Sono.run(
            [
                "-c",
                "import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=30).read().decode())",
                "http://127.0.0.1:\(port)\(target)",
            ], executable: URL(fileURLWithPath: "/usr/bin/python3"))
        return answer.status == 0 ? answer.output : nil
    }

    @Test(
        "promtool finds no fault with the metrics, and a real server scrapes and answers from them",
        .enabled(if: isInstalled, "needs Debian's prometheus: make test-packages"))
    func scrape() throws {
        let ports = try FreePort.find(2)
        let begin = Date().timeIntervalSince1970
        let service = try busyService(port: ports[0])
        let scraped = try get(ports[0], "/metrics")
        let metrics = try #require(scraped)
        let scratch = try Scratch()
        let file = try scratch.write(metrics, to: "metrics")
        let check = try Sono.run(
            ["-c", "exec \(Self.promtool.path) check metrics < '\(file)'"], executable: URL(fileURLWithPath: "/bin/sh"))
        #expect(check.status == 0 && check.output.isEmpty && check.errors.isEmpty, "\(check.output)\(check.errors)")

        let configuration = try scratch.write(
            """
            global: { scrape_interval: 1s, evaluation_interval: 1s }
            rule_files: ["\(Self.integrations.path)/prometheus/sono.rules.yml"]
            scrape_configs:
              - job_name: sono
                static_configs: [{ targets: ["127.0.0.1:\(ports[0])"] }]
            """, to: "prometheus.yml")
        let server = try Sono.start(
            [
                "--config.file=\(configuration)", "--storage.tsdb.path=\(scratch("data"))",
                "--web.listen-address=127.0.0.1:\(ports[1])", "--log.level=warn",
            ], logs: scratch.url, executable: Self.prometheus)
        defer {
            server.terminate()
            server.waitUntilExit()
        }
        func query(_ expression: String) throws -> Double? {
            let escaped = try #require(expression.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
            guard let text = try get(ports[1], "/api/v1/query?query=\(escaped)"),
                let answer = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
                let data = answer["data"] as? [String: Any], let result = data["result"] as? [[String: Any]],
                let value = result.first?["value"] as? [Any], let number = value.last as? String
            else { return nil }
            return Double(number)
        }
        try eventually("it is scraped") { try query("up{job=\"sono\"}") == 1 }
        #expect(try query("sono_rows_total{pipeline=\"p\",status=\"ok\"}") == 500)
        #expect(try query("sono_jobs{pipeline=\"p\",state=\"failed\"}") == 1)
        #expect(try query("sono_errors_total{code=\"incomplete\"}") == 1)
        // The first crash is an increase only if there was a sample before.
        for code in FailureCode.allCases where code != .incomplete {
            #expect(try query("sono_errors_total{code=\"\(code.rawValue)\"}") == 0, "\(code)")
        }
        for stage in ["queue", "decode", "refine", "commit"] {
            #expect(try query("sono_stage_seconds_count{pipeline=\"p\",stage=\"\(stage)\"}") == 1, "\(stage)")
        }
        #expect(try query("histogram_quantile(1, sum by (le) (sono_stage_seconds_bucket{stage=\"refine\"}))") != nil)
        let resident = try query("process_resident_memory_bytes{job=\"sono\"}")
        #expect(try #require(resident) > 1e6)
        let started = try #require(try query("process_start_time_seconds{job=\"sono\"}"))
        #expect(started > begin - 0.1 && started < begin + 30, "begun at \(begin), started at \(started)")
        service.stop()
        try eventually("its end is seen") { try query("up{job=\"sono\"}") == 0 }
    }

    @Test(
        "the alert rules say what they promise, by promtool's own tests",
        .enabled(if: isInstalled, "needs Debian's prometheus: make test-packages"))
    func rules() throws {
        let folder = Self.integrations.appending(path: "prometheus")
        for arguments in [["check", "rules", "sono.rules.yml"], ["test", "rules", "sono.rules.test.yml"]] {
            let words = arguments.dropLast() + [folder.appending(path: arguments.last ?? "").path]
            let outcome = try Sono.run(Array(words), executable: Self.promtool)
            #expect(outcome.status == 0 && outcome.output.contains("SUCCESS"), "\(outcome.output)\(outcome.errors)")
        }
    }

    @Test("alerts and dashboard name no metric that the service does not expose, and every alert is tested")
    func names() throws {
        let port = try FreePort.find(1)[0]
        let service = try busyService(port: port)
        let scraped = try get(port, "/metrics")
        let metrics = try #require(scraped)
        #expect(service.stop() == 0)
        // What is only there while something waits has no sample here.
        let exposed = Set(metrics.matches(of: /(?m)^([a-z_]+)[{ ]/).map { String($0.output.1) })
            .union(["sono_oldest_waiting_timestamp_seconds", "up"])
        let rules = try String(
            contentsOf: Self.integrations.appending(path: "prometheus/sono.rules.yml"), encoding: .utf8)
        let board = try String(contentsOf: Self.integrations.appending(path: "grafana/sono.json"), encoding: .utf8)
        #expect(try JSONSerialization.jsonObject(with: Data(board.utf8)) is [String: Any])
        for text in [rules, board] {
            let named = Set(text.matches(of: /\b(sono_[a-z_]+|process_[a-z_]+)\b/).map { String($0.output.1) })
            #expect(named.count > 8)
            #expect(named.subtracting(exposed) == [], "they are not exposed")
        }
        let tests = try String(
            contentsOf: Self.integrations.appending(path: "prometheus/sono.rules.test.yml"), encoding: .utf8)
        for alert in rules.matches(of: /alert: (\w+)/) {
            #expect(tests.contains("alertname: \(alert.output.1)\n"), "\(alert.output.1) is not tested")
        }
    }
}
