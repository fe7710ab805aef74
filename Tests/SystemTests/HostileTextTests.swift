import Foundation
import GRDB
import TestSupport
import Testing

@Suite("hostile text")
struct HostileTextTests {
    @Test("a name and a header made to forge lines or drive a terminal do neither anywhere, and are cut short")
    func escapes() throws {
        let service = try Service()
        try service.start()
        let name = "\u{1B}]0;mine\u{7}\n<2>forged.safetensors"
        let encoder = "\\u001b[2J\\n" + String(repeating: "x", count: 100_000)
        let batch = Batches.safetensors(Batches.embeddings(rows: 3, seed: 1), encoder: encoder)
        try service.drop(batch, as: name)
        try service.waitUntilSettled()

        let shown = "\\x1B]0;mine\\x07\\x0A<2>forged.safetensors"
        let job = try #require(service.rows("SELECT * FROM v1_jobs").first)
        #expect(job["file_name"] as String == shown)
        #expect(job["error_code"] as String == "encoder_mismatch")
        #expect((job["error_message"] as String).contains("\\x1B[2J\\x0Axxx"))
        #expect((job["error_message"] as String).utf8.count < 400)
        let root = ["--root", service.root.url.path]
        let outputs = try [["jobs"], ["job", "1"], ["status"], ["requeue", "1", "--json"]].map { command in
            let outcome = try Sono.run(command + root)
            return outcome.output + outcome.errors
        }
        #expect(outputs[0].contains(shown) && outputs[1].contains(shown))
        for text in outputs + [service.log] {
            #expect(!text.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
            #expect(!text.split(separator: "\n").contains { $0.hasPrefix("<2>forged") })
        }
        #expect(service.stop() == 0)
    }

    @Test("what is said about a file names it as it was dropped, not as it lay in work/")
    func droppedName() throws {
        let service = try Service()
        try service.start()
        try service.drop(Batches.batch(rows: 100, seed: 1).dropLast(50), as: "cut.safetensors")
        try service.drop(Batches.safetensors([]), as: "none.safetensors")
        try service.waitUntilSettled()
        let jobs = try service.rows("SELECT file_name, error_message FROM v1_jobs")
        #expect(jobs.count == 2)
        for job in jobs {
            let message = job["error_message"] as String
            #expect(message.contains(job["file_name"] as String) && !message.contains("work/"), "\(message)")
        }
        #expect(service.stop() == 0)
    }
}
