import Accounting
import Failures
import Foundation
import Glibc
import Pipelines
import Refinement
import Spooling

/// Looks at everything that the service rests on, and changes nothing; the service may be up or down.
public struct Doctor {
    let paths: ServicePaths
    var report = DoctorReport()
    /// Whether a service has the lock.
    var isRunning = false
    /// What is wrong with files of pipeline.d, which a running service says too.
    var configurationFaults: [String] = []

    public init(paths: ServicePaths) {
        self.paths = paths
    }

    /// Reads the whole store: a minute for some gigabytes.
    public static func examine(_ paths: ServicePaths) -> DoctorReport {
        var doctor = Doctor(paths: paths)
        doctor.examineService()
        doctor.examineConfiguration()
        doctor.examineTroubles()
        doctor.examineOwners()
        doctor.examineStore()
        doctor.examineSpool()
        doctor.examineKeptModels()
        doctor.examineDisk()
        return doctor.report
    }

    // MARK: - The store

    private mutating func examineStore() {
        let path = paths.store
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard errno == ENOENT else {
                return errno == EACCES
                    ? addNotToBeSeen("store", path)
                    : report.add(
                        "store", .problem, "\(path) cannot be looked at: \(String(cString: strerror(errno)))",
                        remedy: "mend what is above it")
            }
            return report.add("store", .note, "there is no \(path) yet: the first start makes it")
        }
        if status.st_mode & 0o027 != 0 || status.st_mode & S_IFMT != S_IFREG {
            report.add(
                "store", .problem, "\(path) can be written by its group or read by anyone, or is no file",
                remedy: "chmod 640 \(path) \(path)-wal \(path)-shm")
        }
        do {
            guard access(path, R_OK) == 0 || errno != EACCES else { return addNotToBeSeen("store", path) }
            let reader = try StoreReader.open(path: path)
            defer { try? reader.close() }
            let info = try reader.info()
            let errors = try reader.integrityErrors()
            if errors.isEmpty {
                report.add("store", .ok, "\(path): schema \(info.schema), sound, \(info.databaseBytes >> 20) MiB")
            } else {
                report.add(
                    "store", .problem, "\(path) is damaged: \(errors.joined(separator: "; "))",
                    remedy: "stop the service, restore a backup or run sono doctor --recover\(paths.options)")
            }
            examineWAL(info)
            try examineWork(reader)
            if let fault = SQLiteFaults.known(in: info.sqliteVersion) {
                report.add(
                    "sqlite", .note, fault,
                    remedy:
                        "the service writes and checkpoints through one connection, so it does not meet it: let no other "
                        + "program write to the store, and open it read-only")
            } else {
                report.add("sqlite", .ok, "SQLite \(info.sqliteVersion)")
            }
        } catch {
            let failure = error as? Failure ?? Failure(.internal, "\(error)")
            let remedy =
                switch failure.code {
                case .storeDamaged: "stop the service, restore a backup or run sono doctor --recover\(paths.options)"
                case .storeNewer: "install the version that wrote it"
                case .unavailable: "start the service once: it brings the store up to date"
                default:
                    seesAsService
                        ? "mend owner and mode of it, of its -wal and of its -shm"
                        : "run sono doctor\(paths.options) as root"
                }
            report.add("store", .problem, failure.description, remedy: remedy)
        }
    }

    private mutating func examineWAL(_ info: StoreInfo) {
        guard info.walBytes > Store.largeWAL else { return }
        report.add(
            "store", .note, "the WAL has \(info.walBytes >> 20) MiB: a reader may be holding an old view of the store",
            remedy: "fuser -v \(paths.store) names who has it open; the WAL shrinks when the reader ends")
    }

    private mutating func examineWork(_ reader: StoreReader) throws {
        func missing() throws -> [StoreReader.ExpectedInput] {
            try reader.expectedInWork().filter { input in
                var status = stat()
                return lstat(path(of: input), &status) != 0 && errno == ENOENT
            }
        }
        let found = try missing()
        guard !found.isEmpty else { return }
        // Asked again: what was filed between the two looks is in neither answer.
        for input in try missing() where found.contains(input) {
            report.add(
                "spool", .problem, "the input of job \(input.job) is not in \(input.pipeline)/work",
                remedy: "if it was taken away by hand, put it back as \(path(of: input)); else drop the batch again")
        }
    }

    private func path(of input: StoreReader.ExpectedInput) -> String {
        "\(SpoolLayout(root: paths.spool, pipeline: input.pipeline).work)/\(input.token)"
    }

    // MARK: - The spool and what else lies about

    private mutating func examineSpool() {
        let configured = ConfigurationDirectory.names(in: paths.configuration) ?? []
        let found = (try? SpoolLayout.pipelines(in: paths.spool)).map(Set.init) ?? []
        for name in configured.filter(ConfigurationDirectory.isName).union(found).sorted() {
            let layout = SpoolLayout(root: paths.spool, pipeline: name)
            guard access(layout.directory, X_OK) == 0 || errno != EACCES else {
                addNotToBeSeen("spool", layout.directory)
                continue
            }
            var devices: Set<dev_t> = []
            var troubles: [String] = []
            for path in [layout.incoming, layout.temporary, layout.work, layout.done, layout.failed] {
                var status = stat()
                if lstat(path, &status) != 0 {
                    troubles.append("\(path): \(String(cString: strerror(errno)))")
                } else if status.st_mode & S_IFMT != S_IFDIR {
                    troubles.append("\(path) is no directory")
                } else {
                    devices.insert(status.st_dev)
                    let isPrivate = path != layout.incoming && path != layout.temporary
                    if isPrivate
                        ? status.st_mode & 0o077 != 0 : status.st_mode & 0o1000 == 0 || status.st_mode & 0o007 != 0
                    {
                        troubles.append("\(path) has mode \(String(status.st_mode & 0o7777, radix: 8))")
                    }
                }
            }
            if devices.count > 1 { troubles.append("its directories are on several file systems") }
            if troubles.isEmpty {
                report.add("spool", .ok, "\(layout.directory): its directories are in order")
            } else {
                report.add(
                    "spool", .problem, "pipeline \(name): \(troubles.joined(separator: "; "))",
                    remedy:
                        "the service makes what is missing at its start; incoming and .tmp have mode 3730, the others 700, "
                        + "all of them on one file system")
            }
            if !configured.contains(name), let waiting = try? layout.filesInIncoming(), waiting > 0 {
                report.add(
                    "spool", .note, "pipeline \(name) is not configured and has \(waiting) files in incoming/",
                    remedy: "add \(paths.configuration)/\(name).yaml, or take them away")
            }
        }
    }

    private mutating func examineKeptModels() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: paths.keptModels)) ?? []
        for name in names.sorted() where name.hasSuffix(".safetensors") {
            let digest = String(name.dropLast(".safetensors".count))
            do {
                guard try ModelFile.digest(path: "\(paths.keptModels)/\(name)") != digest else { continue }
                report.add(
                    "models", .problem, "the kept model \(name) has been altered: sono verify cannot use it",
                    remedy: "put the model with this SHA-256 in its place, or remove it")
            } catch {
                report.add("models", .problem, words(error), remedy: "check owner and mode of \(paths.keptModels)")
            }
        }
    }

    private mutating func examineDisk() {
        for path in [paths.state, paths.spool] {
            guard let room = DiskSpace.Room(of: path) else {
                report.add("disk", .note, "\(path) is not there yet, or its file system does not say how full it is")
                continue
            }
            let words = "\(path): \(room.free >> 20) of \(room.total >> 20) MiB are free"
            if room.free < room.floor {
                report.add(
                    "disk", .problem, "\(words): intake pauses",
                    remedy: "free some space; sono gc --dry-run\(paths.options) says what retention would remove")
            } else {
                report.add("disk", .ok, words)
            }
        }
    }

    /// Nothing is known to be wrong, but nobody shall read a gap as good news.
    mutating func addNotToBeSeen(_ check: String, _ path: String) {
        if seesAsService {
            let user = AccountName.user(geteuid())
            report.add(
                check, .problem, "\(path) may not be opened by \(user), who runs the service",
                remedy: "give it to \(user), or mend its mode")
        } else {
            report.add(
                check, .problem, "you may not see this: \(path)", remedy: "run sono doctor\(paths.options) as root")
        }
    }

    /// Root has become the service's user, and need not be told to be root.
    private var seesAsService: Bool { ServiceUser(of: paths)?.id == geteuid() }

    func words(_ error: any Error) -> String { (error as? Failure)?.description ?? "\(error)" }
}
