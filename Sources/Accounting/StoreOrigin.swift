import Foundation
import GRDB

/// Whose copy a store is. A store that goes on from an earlier state of itself gives numbers a second time: it is another
/// store for its consumers, and the spool may know of jobs that it does not.
enum StoreOrigin: String {
    /// A copy that nobody has written to yet.
    case backup
    case restored
    case recovered

    /// The first opening of a backup gives it an id of its own, each time that it is put in place.
    static func takeOver(_ database: Database) throws {
        // Not there before the migration that brings it, and in a store that tests have stop at an earlier one.
        guard try database.tableExists("store"),
            try database.columns(in: "store").contains(where: { $0.name == "origin" })
        else { return }
        try database.execute(
            sql: "UPDATE store SET store_id = ?, origin = ? WHERE origin = ?",
            arguments: [UUID().uuidString.lowercased(), restored.rawValue, backup.rawValue])
    }
}
