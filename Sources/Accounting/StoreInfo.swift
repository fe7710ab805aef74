/// The store itself.
public struct StoreInfo: Codable, Equatable, Sendable {
    /// A new one means a new store: cursors kept from another start over.
    public var storeID: String
    /// The number of the last migration.
    public var schema: Int
    public var createdAt: String
    public var sqliteVersion: String
    public var databaseBytes: Int
    public var walBytes: Int
    /// The newest row that `v1_results` ever had, 0 if none.
    public var lastResult: Int64
    /// The newest row that `v1_changes` ever had, 0 if none.
    public var lastChange: Int64
    /// Retention has taken no row of `v1_results` after this one: a cursor that stands here or beyond has missed none.
    public var resultsRemovedThrough: Int64
    /// The same for `v1_changes`, which lose a job's steps with the job.
    public var changesRemovedThrough: Int64

    public enum CodingKeys: String, CodingKey, CaseIterable {
        case storeID = "store_id"
        case schema
        case createdAt = "created_at"
        case sqliteVersion = "sqlite_version"
        case databaseBytes = "database_bytes"
        case walBytes = "wal_bytes"
        case lastResult = "last_result"
        case lastChange = "last_change"
        case resultsRemovedThrough = "results_removed_through"
        case changesRemovedThrough = "changes_removed_through"
    }
}
