import Accounting
import ArgumentParser
import Foundation

struct Backup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy the store into a new file, whole and checked, while the service goes on.",
        discussion: """
            To restore: stop the service, move sono.sqlite with its -wal and -shm away, put the copy in its place with the \
            same owner and mode 640, start. The store then has another id, and what the spool knows beyond the copy is \
            taken up again: nothing is lost, no row counted twice.

            EXAMPLE
              sono backup /backups/sono-monday.sqlite
            """)

    @OptionGroup var places: PathOptions
    @OptionGroup var form: OutputForm

    @Argument(help: "The file to write; nothing may stand there.")
    var file: String

    func run() throws {
        let target = URL(fileURLWithPath: file).standardizedFileURL.path
        let backup = try StoreBackup.write(store: places.paths.store, to: target)
        if form.json { return try Output.print(json: backup) }
        Messages.say(
            "\(backup.path): \(Figures.grouped(backup.jobs)) jobs, rows up to seq \(backup.lastResult), "
                + "\(Figures.bytes(backup.bytes)), checked")
    }
}
