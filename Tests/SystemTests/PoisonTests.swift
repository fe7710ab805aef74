import Foundation
import TestSupport
import Testing

/// Batches that end whoever reads them. What ends it is a real signal, sent to whatever process has the file open: from the
/// outside that is the same as a fault in a decoder.
@Suite("poison")
struct PoisonTests {
    /// A file whatever its name: inode numbers alone are those of other file systems too.
    private struct FileID: Hashable {
        let device: UInt64
        let inode: UInt64

        init(_ status: stat) { (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino)) }
    }

    /// Sends SIGKILL to every process that reads one of these files.
    private final class Killer: @unchecked Sendable {
        private let lock = NSLock()
        private var killed: [pid_t] = []
        private var isStopped = false

        init(_ files: Set<FileID>) {
            Thread.detachNewThread { [self] in
                var seen: [pid_t: Int] = [:]
                while !lock.withLock({ isStopped }) {
                    let readers = Self.readers(of: files)
                    seen = seen.filter { readers.contains($0.key) }
                    for process in readers {
                        seen[process, default: 0] += 1
                        // Whoever only opens a file is quicker.
                        guard seen[process, default: 0] > 4, kill(process, SIGKILL) == 0 else { continue }
                        lock.withLock { killed.append(process) }
                    }
                    usleep(2_000)
                }
            }
        }

        func stop() { lock.withLock { isStopped = true } }
        var count: Int { lock.withLock { Set(killed).count } }

        private static func readers(of files: Set<FileID>) -> Set<pid_t> {
            func names(_ path: String) -> [String] {
                (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            }
            let readers = names("/proc").compactMap { pid_t($0) }.filter { process in
                process != getpid() && !isSyncing(process)
                    && names("/proc/\(process)/fd").contains { descriptor in
                        var status = stat()
                        return stat("/proc/\(process)/fd/\(descriptor)", &status) == 0
                            && files.contains(FileID(status))
                    }
            }
            return Set(readers)
        }

        /// Whether a thread of it is in fsync or fdatasync: then the file is open for its durability, however long that takes.
        private static func isSyncing(_ process: pid_t) -> Bool {
            let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
            return threads.contains { thread in
                let call = try? String(contentsOfFile: "/proc/\(process)/task/\(thread)/syscall", encoding: .utf8)
                return call?.hasPrefix("74 ") == true || call?.hasPrefix("75 ") == true
            }
        }
    }

    @Test("three poison batches among twenty good ones are put aside as crashed; the good ones are done, once each")
    func poison() throws {
        let service = try Service(pipeline: Service.pipeline + "\nlimits: { attempts: 2 }\n")
        try service.start()
        var files: Set<FileID> = []
        for number in 1...3 {
            // Large, so that there is time to meet its reader.
            let path = service.root("spool/p/.tmp/poison-\(number).safetensors")
            try Batches.batch(rows: 1_000_000, seed: UInt64(number)).write(to: URL(fileURLWithPath: path))
            // So that the service's own fsync of it takes no time.
            try #require(system("sync \(path)") == 0)
            var status = stat()
            try #require(lstat(path, &status) == 0)
            files.insert(FileID(status))
        }
        let killer = Killer(files)
        defer { killer.stop() }
        for number in 1...20 {
            try service.drop(Batches.batch(rows: 100, seed: UInt64(100 + number)), as: "good-\(number).safetensors")
            guard number.isMultiple(of: 6) else { continue }
            let name = "poison-\(number / 6).safetensors"
            try #require(rename(service.root("spool/p/.tmp/\(name)"), service.root("spool/p/incoming/\(name)")) == 0)
        }

        // What systemd does: whenever it ends abruptly it is started again.
        var starts = 0
        try eventually("all is settled", within: 300) {
            if !service.isRunning {
                starts += 1
                try #require(starts < 10, "\(service.log)")
                try? service.start()
                return false
            }
            return try service.files(in: "incoming").isEmpty && service.files(in: "work").isEmpty
                && service.number("SELECT count(*) FROM v1_jobs WHERE finished_at IS NOT NULL") == 23
        }
        // Each took the service down once (or twice: who looks at an open file does not see what for), and then the process of
        // its own that read it.
        #expect((1...6).contains(starts), "\(starts) starts")
        #expect(killer.count > starts)
        #expect(
            try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'failed' AND error_code = 'crashed'") == 3)
        #expect(try service.files(in: "failed").filter { $0.contains("poison") && !$0.hasSuffix(".json") }.count == 3)
        #expect(try service.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") == 20)
        #expect(try service.number("SELECT count(*) FROM v1_results") == 2_000)
        #expect(try service.number("SELECT count(DISTINCT item_id) FROM v1_results") == 2_000)
        #expect(service.stop() == 0)
    }
}
