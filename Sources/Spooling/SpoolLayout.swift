import Failures
import Glibc

/// Where a pipeline's directories are.
///
/// ```
/// SPOOL/PIPELINE/incoming/   producers put files here
/// SPOOL/PIPELINE/.tmp/       producers write here first, then rename or link
/// SPOOL/PIPELINE/work/       claimed, one file per token
/// SPOOL/PIPELINE/done/       finished inputs
/// SPOOL/PIPELINE/failed/     refused inputs, each with a reason beside it
/// ```
public struct SpoolLayout: Hashable, Sendable {
    /// The spool root, which holds all pipelines.
    public let root: String
    public let pipeline: String

    public init(root: String, pipeline: String) {
        self.root = root
        self.pipeline = pipeline
    }

    public var directory: String { "\(root)/\(pipeline)" }
    public var incoming: String { "\(directory)/incoming" }
    public var temporary: String { "\(directory)/.tmp" }
    public var work: String { "\(directory)/work" }
    public var done: String { "\(directory)/done" }
    public var failed: String { "\(directory)/failed" }

    /// Where a claimed input is, for whoever reads it.
    public func path(of token: ClaimToken) -> String { "\(work)/\(token)" }

    /// The pipelines that have an incoming directory under a spool root, sorted.
    ///
    /// - Throws: `unavailable` if none is to be seen and a directory there may not be looked into.
    public static func pipelines(in root: String) throws -> [String] {
        var closed: String?
        let found = try DirectoryHandle(path: root).names().compactMap { name -> String? in
            guard let text = String(validating: name.bytes, as: UTF8.self), !name.isIgnored else { return nil }
            var status = stat()
            guard lstat("\(root)/\(text)/incoming", &status) == 0 else {
                if errno == EACCES { closed = "\(root)/\(text)" }
                return nil
            }
            return FileKind(mode: status.st_mode) == .directory ? text : nil
        }
        if found.isEmpty, let closed { throw Failure.notAdmitted(to: closed, what: "entered") }
        return found.sorted()
    }

    /// How many files stand in incoming/, for a pipeline that nobody watches.
    public func filesInIncoming() throws -> Int {
        try DirectoryHandle(path: incoming).names().count { !$0.isIgnored }
    }
}

extension SpoolLayout {
    /// Makes what is missing of the directories; those that are there keep owner and mode.
    ///
    /// incoming/ and .tmp/ get mode 3730: the group may put files in, but neither list nor touch those of others. Where
    /// the setgid bit is not to be had (RestrictSUIDSGID= in a unit) it is left out. A default ACL lets the service read
    /// what is created in them. work/, done/ and failed/ are the
    /// service's alone (0700), since they inherit the droppers' group and hold what all of them dropped.
    public func create() throws {
        try create(calls: .live)
    }

    package func create(calls: SystemCalls) throws {
        try makeParents(calls)
        _ = try make(directory, mode: 0o750, calls)
        for path in [work, done, failed] {
            _ = try make(path, mode: 0o700, calls)
        }
        for path in [incoming, temporary] {
            guard try make(path, mode: 0o730, calls) else {
                DefaultACL.takeOverFromRoot(path, reader: geteuid())
                continue
            }
            // Not left to mkdir, whose mode the umask cuts.
            guard chmod(path, 0o3730) == 0 || chmod(path, 0o1730) == 0 else {
                throw Failure.system("chmod 1730 \(path)")
            }
            try DefaultACL.set(on: path, reader: geteuid())
        }
        for path in [directory, root] {
            let handle = try DirectoryHandle(path: path)
            let number = calls.sync(handle.descriptor)
            guard number == 0 else { throw Failure.system("fsync \(path)", errno: number) }
        }
    }

    private func makeParents(_ calls: SystemCalls) throws {
        var path = root.hasPrefix("/") ? "/" : ""
        for part in root.split(separator: "/") {
            path += part
            _ = try make(path, mode: 0o755, calls)
            path += "/"
        }
    }

    /// True if the directory is new.
    private func make(_ path: String, mode: UInt32, _ calls: SystemCalls) throws -> Bool {
        let (number, isNew) = calls.makeDirectory(path, mode: mode)
        // On a read-only parent mkdir may say EROFS or EACCES of a directory that is there.
        var status = stat()
        guard number == 0 || (stat(path, &status) == 0 && FileKind(mode: status.st_mode) == .directory) else {
            throw Failure.system("mkdir \(path)", errno: number)
        }
        return isNew
    }
}
