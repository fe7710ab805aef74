import CLinux
import Foundation
import TestSupport
import Testing

/// Producers as they are, all of them at once into one running service.
@Suite("producers")
struct ProducerTests {
    private static let rows = 3_000

    /// How a batch gets into incoming/.
    enum Producer: CaseIterable {
        case rename, link, unnamed, copy, slow, preallocating, rewriting, holding, temporaryName, rsync, rsyncInPlace

        /// - Parameters:
        ///   - data: what is to arrive; `other` are bytes of a batch that must never be seen.
        func deliver(_ data: Data, instead other: Data, as name: String, into pipeline: String) throws {
            let (temporary, target) = ("\(pipeline)/.tmp/\(name)", "\(pipeline)/incoming/\(name)")
            switch self {
            case .rename:
                try data.write(to: URL(fileURLWithPath: temporary))
                try #require(Glibc.rename(temporary, target) == 0)
            case .link:
                try data.write(to: URL(fileURLWithPath: temporary))
                try #require(Glibc.link(temporary, target) == 0 && unlink(temporary) == 0)
            case .unnamed:
                let descriptor = open("\(pipeline)/.tmp", __O_TMPFILE | O_WRONLY, 0o644)
                try #require(descriptor >= 0)
                defer { close(descriptor) }
                try Self.write(data, to: descriptor)
                try #require(
                    linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, target, AT_SYMLINK_FOLLOW) == 0)
            case .copy:
                try data.write(to: URL(fileURLWithPath: temporary))
                try #require(system("cp \(temporary) \(target) && rm \(temporary)") == 0)
            case .slow:
                let descriptor = try Self.create(target)
                defer { close(descriptor) }
                for start in stride(from: 0, to: data.count, by: data.count / 10) {
                    try Self.write(data[start..<min(start + data.count / 10, data.count)], to: descriptor)
                    usleep(60_000)
                }
            case .preallocating:
                let descriptor = try Self.create(target)
                defer { close(descriptor) }
                try #require(posix_fallocate(descriptor, 0, off_t(data.count)) == 0)
                usleep(150_000)
                try Self.write(data, to: descriptor)
            case .rewriting:
                let descriptor = try Self.create(target)
                defer { close(descriptor) }
                try Self.write(other[..<(other.count / 2)], to: descriptor)
                usleep(100_000)
                try #require(ftruncate(descriptor, 0) == 0 && lseek(descriptor, 0, SEEK_SET) == 0)
                try Self.write(data, to: descriptor)
            case .holding:
                // Open for writing long after the rename, without a word more.
                let descriptor = try Self.create(temporary)
                defer { close(descriptor) }
                try Self.write(data, to: descriptor)
                try #require(Glibc.rename(temporary, target) == 0)
                usleep(600_000)
            case .temporaryName:
                let unfinished = "\(target).part"
                try data[..<(data.count / 2)].write(to: URL(fileURLWithPath: unfinished))
                usleep(1_500_000)
                try data.write(to: URL(fileURLWithPath: unfinished))
                try #require(Glibc.rename(unfinished, target) == 0)
            case .rsync:
                // To a hidden name in the same directory, then a rename.
                try #require(Self.rsync(data, [], name, into: pipeline) == 0)
            case .rsyncInPlace:
                // It looks at the file by its name at the end, when it may have been taken: 23 for it then.
                let status = try Self.rsync(data, ["--inplace", "--whole-file"], name, into: pipeline)
                try #require([0, 23].contains(status))
            }
        }

        /// - Returns: the exit status.
        private static func rsync(
            _ data: Data, _ options: [String], _ name: String, into pipeline: String
        ) throws -> Int32 {
            let elsewhere = try Scratch()
            try data.write(to: URL(fileURLWithPath: elsewhere(name)))
            // Slow enough to be met at it.
            let command = ["rsync", "--bwlimit=400"] + options + [elsewhere(name), "\(pipeline)/incoming/\(name)"]
            return system(command.joined(separator: " ")) >> 8
        }

        private static func create(_ path: String) throws -> Int32 {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o644)
            try #require(descriptor >= 0)
            return descriptor
        }

        private static func write(_ data: Data, to descriptor: Int32) throws {
            try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: data)
        }
    }

    @Test("eleven kinds of producers at once: every batch is done, as it was meant, every row once")
    func producers() throws {
        let service = try Service()
        try service.start()
        let pipeline = service.root("spool/p")
        let threads = Producer.allCases.enumerated().map { index, producer in
            let data = Batches.batch(rows: Self.rows, seed: UInt64(index + 1))
            let other = Batches.batch(rows: Self.rows, seed: UInt64(index + 101))
            return Producing {
                try producer.deliver(data, instead: other, as: "\(producer).safetensors", into: pipeline)
            }
        }
        for thread in threads { try thread.wait() }
        try eventually("all are jobs") {
            try service.number("SELECT count(*) FROM v1_jobs") == Producer.allCases.count
        }
        try service.waitUntilSettled()
        let jobs = try service.rows("SELECT file_name, state, error_message FROM v1_jobs")
        for job in jobs { #expect(job["state"] as String == "done", "\(job)") }
        for (index, producer) in Producer.allCases.enumerated() {
            let first = (index + 1) * 1_000_000
            let range = "CAST(item_id AS INTEGER) BETWEEN \(first) AND \(first + Self.rows - 1)"
            #expect(
                try service.number("SELECT count(*) FROM v1_results WHERE \(range)") == Self.rows, "\(producer)")
        }
        #expect(try service.number("SELECT count(*) FROM v1_results") == Self.rows * Producer.allCases.count)
        #expect(service.stop() == 0)
    }

    @Test("a file that is overwritten in place over and over is computed once it keeps still, with its last bytes")
    func inPlace() throws {
        let service = try Service()
        try service.start()
        let path = service.root("spool/p/incoming/again.safetensors")
        let descriptor = open(path, O_WRONLY | O_CREAT, 0o644)
        try #require(descriptor >= 0)
        // As `rsync --inplace` does; it goes on in work/ when the file is claimed meanwhile.
        for seed in 1...30 {
            let data = Batches.batch(rows: 2_000, seed: UInt64(seed))
            _ = data.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
            usleep(20_000)
        }
        close(descriptor)
        try eventually("it is a job") { try service.number("SELECT count(*) FROM v1_jobs") == 1 }
        try service.waitUntilSettled()
        let first = "(SELECT min(CAST(item_id AS INTEGER)) FROM v1_results)"
        #expect(try service.number("SELECT \(first)") == 30_000_000)
        #expect(try service.number("SELECT count(*) FROM v1_results") == 2_000)
    }

    @Test("the same bytes again: a duplicate while done, a new attempt after failed and cancelled, rows once each")
    func again() throws {
        let service = try Service()
        try service.start()
        let good = Batches.batch(rows: 50, seed: 1)
        let bad = Batches.safetensors(Batches.embeddings(rows: 5, dimension: 7, seed: 2), dimension: 7)
        func dropAndSettle(_ data: Data, _ name: String) throws -> String {
            let before = try service.number("SELECT count(*) FROM v1_jobs")
            try service.drop(data, as: name)
            try eventually("\(name) is a job") { try service.number("SELECT count(*) FROM v1_jobs") > before }
            try service.waitUntilSettled()
            return try #require(service.rows("SELECT state FROM v1_jobs ORDER BY job_id DESC LIMIT 1").first)["state"]
        }
        #expect(try dropAndSettle(good, "a.safetensors") == "done")
        #expect(try dropAndSettle(good, "a.safetensors") == "duplicate")
        #expect(try dropAndSettle(good, "b.safetensors") == "duplicate")
        #expect(try dropAndSettle(bad, "c.safetensors") == "failed")
        #expect(try dropAndSettle(bad, "c.safetensors") == "failed")
        // The same bytes under another model are the same bytes: only a person asks for them anew.
        try FileManager.default.removeItem(atPath: service.root("models/reference.safetensors"))
        try FileManager.default.copyItem(
            atPath: Batches.fixtures.appending(path: "03.model.safetensors").path,
            toPath: service.root("models/reference.safetensors"))
        service.signal(SIGHUP)
        #expect(try dropAndSettle(good, "d.safetensors") == "duplicate")
        // Two producers, one name, the same moment: both arrive.
        for seed in 11...12 {
            try service.drop(Batches.batch(rows: 10, seed: UInt64(seed)), as: "same-name.safetensors")
            try eventually("it is taken") { try service.files(in: "incoming").isEmpty }
        }
        try service.waitUntilSettled()
        #expect(try service.number("SELECT count(*) FROM v1_results") == 70)
        #expect(try service.number("SELECT count(DISTINCT item_id) FROM v1_results") == 70)
    }
}

/// Something done on a thread of its own.
private final class Producing: Sendable {
    private let done = DispatchSemaphore(value: 0)
    private let failure: Box

    private final class Box: @unchecked Sendable { var error: (any Error)? }

    init(_ work: @escaping @Sendable () throws -> Void) {
        let (box, done) = (Box(), done)
        failure = box
        Thread.detachNewThread {
            do { try work() } catch { box.error = error }
            done.signal()
        }
    }

    func wait() throws {
        done.wait()
        if let error = failure.error { throw error }
    }
}
