import GRDB

/// SQLite's write lock, held as another program may hold it.
public final class WriteLock: Sendable {
    private let connection: DatabaseQueue

    public init(on path: String) throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        connection = try DatabaseQueue(path: path, configuration: configuration)
        try connection.writeWithoutTransaction { try $0.beginTransaction(.immediate) }
    }

    public func release() throws {
        try connection.writeWithoutTransaction { try $0.rollback() }
        try connection.close()
    }
}
