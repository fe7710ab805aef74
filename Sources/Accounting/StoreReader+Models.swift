import GRDB

extension StoreReader {
    /// Whether any job was computed with this model. Reads jobs from the first on until one is found, all of them if there
    /// is none: seconds at a million.
    public func hasJobs(model sha256: String) throws -> Bool {
        try read { database in
            try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM jobs WHERE model_sha256 = ?)", arguments: [sha256])
                ?? false
        }
    }
}
