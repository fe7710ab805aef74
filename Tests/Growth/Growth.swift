import Accounting
import Foundation

/// Does the service get slower as its store grows? Fills a store through the real schema, measures what a batch, a person
/// and a consumer ask of it, empty and full, and how it shrinks; prints a table and the query plans.
///
///     growth [JOBS]     a million by default, with 10.6 million rows
@main
struct Growth {
    /// One job in twenty-five has no rows.
    static let rowsPerJob = 11

    static func main() throws {
        let jobs = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000
        let folder = FileManager.default.temporaryDirectory.appending(path: "sono-growth-\(getpid())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/sono.sqlite"

        try Store.open(path: path).close()
        let empty = try Bench(path: path).run(from: 0)
        let began = ContinuousClock.now
        try Filling(path: path, jobs: jobs, rows: rowsPerJob).run()
        Figures.say(
            "filled with \(jobs) jobs and \(jobs / 25 * 24 * rowsPerJob) rows in \(Figures.seconds(ContinuousClock.now - began))"
        )
        let opening = ContinuousClock.now
        try Store.open(path: path).close()
        Figures.say("opened, with its check of the jobs, in \(Figures.seconds(ContinuousClock.now - opening))")
        let bench = try Bench(path: path)
        let full = try bench.run(from: 1_000_000)

        Figures.say("\nwhat                              empty: p50       p99      full: p50       p99   (ms)")
        for (before, after) in zip(empty, full) {
            Figures.say(Figures.line(before.name, before.times, after.times))
        }
        try LongReader(path: path, bench: bench).run()
        try Shrinking(path: path, bench: bench).run()
        try bench.close()
        try Plans(path: path).print()
    }
}
