import Accounting
import Failures
import Foundation
import Glibc
import Testing

/// What another user may do with the store. The kernel lets a thread take on another user's rights for files alone, so
/// that no second program is needed.
@Suite("Access", .enabled(if: geteuid() == 0, "only root can try other users' rights"))
struct AccessTests {
    private static let nobody: uid_t = 65_534
    private static let readers: gid_t = 60_123

    /// Runs `body` on a thread that opens files as `nobody` in `group`, and gives back the code of what it threw.
    private func asNobody(
        group: gid_t, _ body: @escaping @Sendable () throws -> Void
    ) async -> FailureCode? {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                typealias Change = @convention(c) (UInt32) -> Int32
                for (name, id) in [("setfsgid", group), ("setfsuid", Self.nobody)] {
                    guard let symbol = dlsym(nil, name) else { continue }
                    _ = unsafeBitCast(symbol, to: Change.self)(id)
                }
                continuation.resume(returning: code(body))
            }
            thread.start()
        }
    }

    private func give(_ fixture: Fixture) {
        for suffix in ["", "-wal", "-shm"] { chown(fixture.path + suffix, 0, Self.readers) }
    }

    @Test("the group reads the store while the writer is up, closed, and up again; others do not")
    func group() async throws {
        let fixture = try Fixture()
        _ = try fixture.job(in: .done, seed: 1)
        give(fixture)
        let path = fixture.path
        let read: @Sendable () throws -> Void = {
            let reader = try StoreReader.open(path: path)
            #expect(try reader.results().count == 3)
            try reader.close()
        }
        #expect(await asNobody(group: Self.readers, read) == nil)
        #expect(await asNobody(group: 60_124, read) == .ioError)
        try fixture.store.close()
        #expect(await asNobody(group: Self.readers, read) == nil)
        #expect(await asNobody(group: 60_124, read) == .ioError)
        try fixture.reopen()
        _ = try fixture.admit(2)
        #expect(await asNobody(group: Self.readers, read) == nil)
        for suffix in ["", "-wal", "-shm"] {
            var status = stat()
            #expect(
                stat(path + suffix, &status) == 0 && status.st_gid == Self.readers && status.st_mode & 0o777 == 0o640)
        }
    }

    @Test("the group cannot write")
    func writing() async throws {
        let fixture = try Fixture()
        give(fixture)
        let path = fixture.path
        let write: @Sendable () throws -> Void = {
            let store = try Store.open(path: path)
            try store.forgetClaim("none")
        }
        #expect(await asNobody(group: Self.readers, write) == .ioError)
    }
}
