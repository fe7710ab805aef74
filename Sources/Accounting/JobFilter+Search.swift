import GRDB

extension JobFilter {
    /// The parts that no index answers: jobs are gone through in the order of the list, up to its limit.
    func addSearch(to conditions: inout [String], _ values: inout [(any DatabaseValueConvertible)?]) {
        if let since {
            conditions.append("submitted_at >= ?")
            values.append(since)
        }
        if let until {
            conditions.append("submitted_at < ?")
            values.append(until)
        }
        if let code {
            conditions.append("error_code = ?")
            values.append(code)
            // By way of the index on states; what is done or a duplicate has no error.
            if states.isEmpty {
                conditions.append("state IN ('failed', 'retrying', 'cancelled', 'held', 'queued', 'running')")
            }
        }
        if let fileName {
            conditions.append("instr(lower(file_name), lower(?)) > 0")
            values.append(fileName)
        }
    }
}
