import Accounting
import Daemon
import Failures

/// Result rows, fetched and printed page by page: a million of them need no more memory than a thousand.
struct ResultFeed {
    let client: StatusClient
    let after: Int64
    let limit: Int?
    let job: JobID?
    let pipeline: String?
    private static let pageRows = 5_000

    func printTable() throws {
        var output = Output()
        let columns: [ResultRecord.CodingKeys] = [.seq, .jobID, .row, .itemID, .label, .score, .margin, .status]
        try output.line(columns.map(\.rawValue).joined(separator: "\t"))
        _ = try pages { row in
            let score = row.score.map { Figures.fixed($0, 4) } ?? ""
            let margin = row.margin.map { Figures.fixed($0, 4) } ?? ""
            let cells = [
                String(row.seq), String(row.jobID), String(row.row), Self.cell(row.itemID), Self.cell(row.label ?? ""),
                score, margin, row.status,
            ]
            try output.line(cells.joined(separator: "\t"))
        }
        try output.flush()
    }

    /// The document of `/v1/results`, however many rows it takes.
    func printJSON() throws {
        var output = Output()
        var separator = "\n"
        try output.write("{\n\"schema\": \"sono-results/1\",\n\"results\": [")
        let next = try pages { row in
            try output.write(separator)
            try output.write(JSONText.line(row))
            separator = ",\n"
        }
        try output.write("\n],\n\"next\": \(next)\n}\n")
        try output.flush()
    }

    /// As in PostgreSQL's COPY: a backslash before what would end a cell or a line.
    private static func cell(_ text: String) -> String {
        var cell = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": cell.append(contentsOf: "\\\\".unicodeScalars)
            case "\t": cell.append(contentsOf: "\\t".unicodeScalars)
            case "\n": cell.append(contentsOf: "\\n".unicodeScalars)
            case "\r": cell.append(contentsOf: "\\r".unicodeScalars)
            default: cell.append(scalar)
            }
        }
        return ForeignText.line(String(cell))
    }

    /// - Returns: where to go on.
    private func pages(_ body: (ResultRecord) throws -> Void) throws -> Int64 {
        var next = after
        var left = limit ?? .max
        var saidSource = false
        while left > 0 {
            let size = min(left, Self.pageRows)
            let (page, source) = try client.results(after: next, limit: size, job: job, pipeline: pipeline)
            if !saidSource { tellSource(source) }
            saidSource = true
            for row in page.results { try body(row) }
            left -= page.results.count
            if page.next == next { break }
            next = page.next
        }
        return next
    }
}
