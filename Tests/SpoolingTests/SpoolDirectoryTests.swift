import Failures
import Foundation
import Spooling
import Synchronization
import Testing

@Suite("The moves of a file through the spool")
struct SpoolDirectoryTests {
    let spool: TemporarySpool
    let directory: SpoolDirectory
    let token = ClaimToken.random()

    init() throws {
        spool = try TemporarySpool()
        directory = try spool.open()
    }

    @Test("a layout has five directories, incoming and .tmp for dropping only, and may be made again")
    func layout() throws {
        func mode(_ path: String) throws -> Int {
            try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
        }
        #expect(try mode(spool.layout.incoming) == 0o3730)
        #expect(try mode(spool.layout.temporary) == 0o3730)
        for path in [spool.layout.work, spool.layout.done, spool.layout.failed] {
            #expect(try mode(path) & 0o777 == 0o700)
        }
        try spool.drop("a.npy")
        try spool.layout.create()
        #expect(spool.list(spool.layout.incoming) == ["a.npy"])
        #expect(try SpoolLayout.pipelines(in: spool.root) == ["demo"])
    }

    @Test("a probe goes through all directories and leaves nothing")
    func probe() throws {
        try directory.probe()
        for path in [spool.layout.incoming, spool.layout.temporary, spool.layout.work, spool.layout.done] {
            #expect(spool.list(path) == [])
        }
    }

    @Test("a directory on another file system, or one that cannot rename without replacing, is a configuration error")
    func otherFileSystem() throws {
        for number in [EXDEV, EINVAL] {
            let directory = try spool.open(calls: SystemCalls { $0 == .rename ? number : nil })
            #expect(throws: Failure(.configurationInvalid, "")) { try directory.probe() }
            #expect(spool.list(spool.layout.temporary) == [])
        }
    }

    @Test("a file is claimed under its token, settled under job id and name, and never in two places")
    func life() throws {
        let name = try spool.drop("batch.npy", "12345")
        let entries = try directory.scan().entries
        #expect(entries.map(\.name) == [name])
        let inode = try #require(entries.first?.stamp.inode)

        let stamp = try #require(directory.claim(name, token: token).stamp)
        #expect(stamp.inode == inode && stamp.size == 5 && stamp.kind == .regular)
        #expect(spool.places(ofInode: inode) == [spool.layout.path(of: token)])
        #expect(try directory.workListing().claims == [token: stamp])
        try directory.checkReadable(token, name: name)
        try directory.makeDurable(token, name: name)

        #expect(try directory.settle(token, jobID: 7, name: name).displayText == "7--batch.npy")
        #expect(spool.places(ofInode: inode) == ["\(spool.layout.done)/7--batch.npy"])
        #expect(try directory.settle(token, jobID: 7, name: name).displayText == "7--batch.npy")
    }

    @Test("dot-files and unfinished names are not seen")
    func ignored() throws {
        for name in [".a.npy", "a.npy.part", "a.tmp", "a.filepart", "a.partial"] { try spool.drop(name) }
        #expect(try directory.scan().entries == [])
    }

    @Test("a file that is gone before the claim has vanished; many are claimed with one outcome each")
    func manyClaims() throws {
        let names = try (1...20).map { try spool.drop("\($0).npy") }
        try FileManager.default.removeItem(atPath: "\(spool.layout.incoming)/7.npy")
        let outcomes = directory.claim(names.map { ($0, ClaimToken.random()) })
        #expect(outcomes.count == 20)
        #expect(outcomes.indices.filter { outcomes[$0].isVanished } == [6])
        #expect(outcomes.filter { $0.stamp != nil }.count == 19)
        #expect(spool.list(spool.layout.incoming) == [])
    }

    @Test("a refused input has its reason beside it, with code, message and name")
    func quarantine() throws {
        let name = try spool.drop("bad.safetensors.zst")
        _ = directory.claim(name, token: token)
        let why = reason(9, name)
        #expect(try directory.quarantine(token, jobID: 9, name: name, reason: why) == name.settled(jobID: 9))
        #expect(
            spool.list(spool.layout.failed) == ["9--bad.safetensors.zst", "9--bad.safetensors.zst.reason.json"])
        let text = try spool.read("\(spool.layout.failed)/9--bad.safetensors.zst.reason.json")
        #expect(try JSONDecoder().decode(Reason.self, from: Data(text.utf8)) == why)
        #expect(text.contains("\"code\" : \"incomplete\""))
        #expect(text.contains("\"file_name\" : \"bad.safetensors.zst\""))
        #expect(try directory.quarantine(token, jobID: 9, name: name, reason: why) == name.settled(jobID: 9))
    }

    @Test("names of 255 bytes, of any bytes, go all the way to done and failed, reason and all")
    func anyNames() throws {
        let long = FileName(checkedForTest: String(repeating: "n", count: 251) + ".npy")
        let bytes = try #require(FileName((1...255).map { UInt8($0) }.filter { $0 != UInt8(ascii: "/") }))
        for (index, name) in [long, bytes].enumerated() {
            for isGood in [true, false] {
                let descriptor = (Array(spool.layout.incoming.utf8) + [0x2F] + name.bytes + [0])
                    .withUnsafeBytes {
                        Glibc.open($0.baseAddress!.assumingMemoryBound(to: CChar.self), O_CREAT | O_WRONLY, 0o644)
                    }
                #expect(descriptor >= 0)
                close(descriptor)
                let token = ClaimToken.random()
                #expect(try directory.scan().entries.map(\.name) == [name])
                #expect(directory.claim(name, token: token).stamp != nil)
                let job = Int64(index * 10 + (isGood ? 1 : 2))
                let filed =
                    isGood
                    ? try directory.settle(token, jobID: job, name: name)
                    : try directory.quarantine(token, jobID: job, name: name, reason: reason(job, name))
                #expect(filed.bytes.starts(with: "\(job)--".utf8))
                #expect(try directory.reclaim(filed, from: isGood ? .done : .failed, token: token))
            }
        }
        #expect(spool.list(spool.layout.failed) == [])
        #expect(spool.list(spool.layout.done) == [])
        #expect(spool.list(spool.layout.work).count == 4)
    }

    @Test("a directory, FIFO, symbolic link or socket is moved to failed as it is and never opened")
    func notRegular() throws {
        let incoming = spool.layout.incoming
        try FileManager.default.createDirectory(atPath: "\(incoming)/directory", withIntermediateDirectories: false)
        try spool.write("inside", to: "\(incoming)/directory/file")
        #expect(mkfifo("\(incoming)/fifo", 0o600) == 0)
        try FileManager.default.createSymbolicLink(atPath: "\(incoming)/link", withDestinationPath: "/etc/passwd")
        #expect(mknod("\(incoming)/socket", S_IFSOCK | 0o600, 0) == 0)

        let opened = Mutex(0)
        let directory = try spool.open(
            calls: SystemCalls { call in
                if call == .open { opened.withLock { $0 += 1 } }
                return nil
            })
        let entries = try directory.scan().entries.sorted { $0.name < $1.name }
        #expect(entries.map(\.stamp.kind) == [.directory, .fifo, .symlink, .socket])
        for (index, entry) in entries.enumerated() {
            let token = ClaimToken.random()
            let refusal = try #require(entry.stamp.kind.refusal(of: entry.name))
            #expect(refusal.code == .unsupportedFormat)
            #expect(directory.claim(entry.name, token: token).stamp?.kind == entry.stamp.kind)
            #expect(throws: refusal) { try directory.checkReadable(token, name: entry.name) }
            let job = Int64(index + 1)
            let why = reason(job, entry.name, refusal)
            let filed = try directory.quarantine(token, jobID: job, name: entry.name, reason: why)
            #expect(FileStamp(atPath: "\(spool.layout.failed)/\(filed)")?.inode == entry.stamp.inode)
        }
        #expect(opened.withLock { $0 } == 0)
        #expect(try spool.read("\(spool.layout.failed)/1--directory/file") == "inside")
    }

    @Test("a file that the service may not read is unreadable, and the message has the chmod that helps")
    func unreadable() throws {
        let name = try spool.drop("secret.npy")
        let directory = try spool.open(calls: SystemCalls { $0 == .open ? EACCES : nil })
        _ = directory.claim(name, token: token)
        let failure = #expect(throws: Failure(.unreadable, "")) { try directory.checkReadable(token, name: name) }
        #expect(failure?.message.contains("chmod a+r") == true)
        #expect(failure?.message.contains("mode 6") == true)
    }

    @Test("a requeued input comes back from done or failed, without its reason")
    func reclaim() throws {
        let name = try spool.drop("again.npy")
        _ = directory.claim(name, token: token)
        let done = try directory.settle(token, jobID: 1, name: name)
        let second = ClaimToken.random()
        #expect(try directory.reclaim(done, from: .done, token: second))
        #expect(try directory.reclaim(done, from: .done, token: second))
        let failed = try directory.quarantine(second, jobID: 2, name: name, reason: reason(2, name))
        #expect(try directory.reclaim(failed, from: .failed, token: token))
        #expect(spool.list(spool.layout.failed) == [])
        #expect(try directory.reclaim(failed, from: .failed, token: ClaimToken.random()) == false)
    }

    @Test("a file of an older store with the same job id and name is not replaced")
    func olderStore() throws {
        try spool.write("old", to: "\(spool.layout.done)/1--a.npy")
        try spool.write("old", to: "\(spool.layout.failed)/2--a.npy")
        let name = try spool.drop("a.npy", "new")
        _ = directory.claim(name, token: token)
        let expected = "1-\(token)--a.npy"
        #expect(try directory.settle(token, jobID: 1, name: name).displayText == expected)
        #expect(try directory.settle(token, jobID: 1, name: name).displayText == expected)
        #expect(try spool.read("\(spool.layout.done)/1--a.npy") == "old")
        #expect(try spool.read("\(spool.layout.done)/\(expected)") == "new")

        try spool.drop("a.npy", "new")
        let other = ClaimToken.random()
        _ = directory.claim(name, token: other)
        let filed = try directory.quarantine(other, jobID: 2, name: name, reason: reason(2, name))
        #expect(filed.displayText == "2-\(other)--a.npy")
        #expect(try spool.read("\(spool.layout.failed)/2--a.npy") == "old")
        #expect(spool.list(spool.layout.failed).contains("\(filed).reason.json"))
    }

    @Test("a name that is taken between the look and the move is not replaced; the next try finds another")
    func takenMeanwhile() throws {
        let name = try spool.drop("a.npy", "new")
        _ = directory.claim(name, token: token)
        let place = "\(spool.layout.done)/1--a.npy"
        let racing = try spool.open(
            calls: SystemCalls { call in
                if call == .rename { _ = FileManager.default.createFile(atPath: place, contents: Data("other".utf8)) }
                return nil
            })
        #expect(throws: Failure(.ioError, "")) { try racing.settle(token, jobID: 1, name: name) }
        #expect(try spool.read(place) == "other")
        #expect(try spool.read(spool.layout.path(of: token)) == "new")
        let settled = try directory.settle(token, jobID: 1, name: name)
        #expect(
            try spool.read("\(spool.layout.done)/\(settled)") == "new" && settled.displayText == "1-\(token)--a.npy")
    }

    @Test("both names of one file, as a power loss may leave them, become one")
    func bothNames() throws {
        let name = try spool.drop("a.npy")
        _ = directory.claim(name, token: token)
        let path = spool.layout.path(of: token)
        try FileManager.default.linkItem(atPath: path, toPath: "\(spool.layout.done)/5--a.npy")
        #expect(try directory.settle(token, jobID: 5, name: name).displayText == "5--a.npy")
        #expect(spool.list(spool.layout.work) == [])
        #expect(spool.list(spool.layout.done) == ["5--a.npy"])
    }

    @Test("an input that somebody took out of work is reported as not found")
    func takenAway() throws {
        let name = FileName(checkedForTest: "a.npy")
        #expect(throws: Failure(.notFound, "")) { try directory.settle(token, jobID: 5, name: name) }
        #expect(throws: Failure(.notFound, "")) { try directory.checkReadable(token, name: name) }
    }

    @Test("names in work that the service never made are listed, not touched")
    func strangers() throws {
        try spool.write("x", to: "\(spool.layout.work)/stranger")
        let listing = try directory.workListing()
        #expect(listing.claims.isEmpty)
        #expect(listing.strangers.map(\.displayText) == ["stranger"])
    }

    @Test(
        "a removed, moved or replaced directory is an io_error, never a quiet empty listing",
        arguments: ["incoming", "work", "done", "failed", ".tmp"], [false, true])
    func lostDirectory(part: String, isReplaced: Bool) throws {
        let path = "\(spool.layout.directory)/\(part)"
        let name = try spool.drop("a.npy")
        try FileManager.default.moveItem(atPath: path, toPath: "\(spool.root)/moved")
        if isReplaced { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) }
        #expect(throws: Failure(.ioError, "")) { try directory.scan() }
        #expect(throws: Failure(.ioError, "")) { try directory.workListing() }
        if !isReplaced { #expect(throws: Failure(.ioError, "")) { try spool.open() } }
        // A new one, opened as the service does, works.
        try spool.layout.create()
        let fresh = try spool.open()
        #expect(try fresh.scan().entries.map(\.name) == (part == "incoming" ? [] : [name]))
    }

    @Test("a whole spool that was removed is an io_error, also for a claim under way")
    func lostSpool() throws {
        let name = try spool.drop("a.npy")
        try FileManager.default.removeItem(atPath: spool.root)
        #expect(throws: Failure(.ioError, "")) { try directory.scan() }
        #expect(directory.claim(name, token: token).failure?.code == .ioError)
        #expect(throws: Failure(.ioError, "")) { try directory.settle(token, jobID: 1, name: name) }
    }

    @Test("an incoming directory that is a symbolic link is refused")
    func linkedDirectory() throws {
        try FileManager.default.removeItem(atPath: spool.layout.incoming)
        try FileManager.default.createSymbolicLink(atPath: spool.layout.incoming, withDestinationPath: "/tmp")
        #expect(throws: Failure(.ioError, "")) { try spool.open() }
    }

    @Test("sweeping removes only what sono itself left half-done")
    func sweep() throws {
        let layout = spool.layout
        try spool.write("x", to: "\(layout.incoming)/.sono-probe-1.tmp")
        try spool.write("x", to: "\(layout.work)/.sono-probe-1.tmp")
        try spool.write("x", to: "\(layout.failed)/.sono-reason-1.tmp")
        try spool.write("x", to: "\(layout.incoming)/.sono-submit-1.tmp")
        try spool.write("x", to: "\(layout.temporary)/.sono-submit-young.tmp")
        try spool.write("x", to: "\(layout.temporary)/producer.tmp")
        try spool.write("x", to: "\(layout.done)/1--.sono-reason-1.tmp")
        #expect(try directory.sweep() == 3)
        #expect(spool.list(layout.incoming) == [".sono-submit-1.tmp"])
        #expect(spool.list(layout.temporary) == [".sono-submit-young.tmp", "producer.tmp"])
        #expect(spool.list(layout.done) == ["1--.sono-reason-1.tmp"])
    }

    @Test("sweeping removes a reason whose input was taken back, and no input that is called like a reason")
    func sweepReasons() throws {
        let failed = spool.layout.failed
        try spool.write("x", to: "\(failed)/1--gone.npy.reason.json")
        try spool.write("x", to: "\(failed)/2--there.npy")
        try spool.write("x", to: "\(failed)/2--there.npy.reason.json")
        try spool.write("x", to: "\(failed)/3--input.reason.json")
        try spool.write("x", to: "\(failed)/3--input.reason.json.reason.json")
        try spool.write("x", to: "\(failed)/somebody's.reason.json")
        #expect(try directory.sweep() == 1)
        #expect(
            spool.list(failed) == [
                "2--there.npy", "2--there.npy.reason.json", "3--input.reason.json",
                "3--input.reason.json.reason.json", "somebody's.reason.json",
            ])
    }
}
