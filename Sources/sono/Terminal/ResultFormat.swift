import Accounting
import ArgumentParser
import Failures
import Foundation

/// How result rows are written.
enum ResultFormat: String, ExpressibleByArgument, CaseIterable {
    /// Some columns, separated by tabs, fit for a terminal.
    case table
    /// All columns, as in RFC 4180 but for its line ends: a program reads `\n` everywhere.
    case csv
    /// One document; `next` at its end is where to go on.
    case json
    /// One object a line.
    case ndjson

    /// What comes before the first row.
    var head: String {
        switch self {
        case .table: Self.columns.map(\.rawValue).joined(separator: "\t") + "\n"
        case .csv: ResultRecord.CodingKeys.allCases.map(\.rawValue).joined(separator: ",") + "\n"
        case .json: "{\n\"schema\": \"sono-results/1\",\n\"results\": ["
        case .ndjson: ""
        }
    }

    func text(of row: ResultRecord, isFirst: Bool) throws -> String {
        switch self {
        case .table: Self.tableLine(row)
        case .csv: try Self.csvLine(row)
        case .json: (isFirst ? "\n" : ",\n") + (try JSONText.line(row))
        case .ndjson: try JSONText.line(row) + "\n"
        }
    }

    private static let columns: [ResultRecord.CodingKeys] = [
        .seq, .jobID, .row, .itemID, .label, .score, .margin, .status,
    ]

    private static func tableLine(_ row: ResultRecord) -> String {
        let score = row.score.map { Figures.fixed($0, 4) } ?? ""
        let margin = row.margin.map { Figures.fixed($0, 4) } ?? ""
        let cells = [
            String(row.seq), String(row.jobID), String(row.row), cell(row.itemID), cell(row.label ?? ""), score, margin,
            row.status,
        ]
        return cells.joined(separator: "\t") + "\n"
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

    private static func csvLine(_ row: ResultRecord) throws -> String {
        let topK: String = try row.topK.map(JSONText.line) ?? ""
        let numbers: [String] = [optional(row.class), optional(row.score), optional(row.margin)]
        var cells: [String] = [String(row.seq), String(row.jobID), row.pipeline, String(row.row), row.itemID]
        cells.append(row.label ?? "")
        cells += numbers
        cells += [row.status, topK, String(row.refined)]
        return cells.map(quoted).joined(separator: ",") + "\n"
    }

    private static func optional(_ value: (some CustomStringConvertible)?) -> String { value?.description ?? "" }

    /// What makes quotation marks needed; "\r\n" is one Character.
    private static let marks: Set<Character> = ["\"", ",", "\n", "\r", "\r\n"]

    private static func quoted(_ text: String) -> String {
        // Ids are others' words: a program gets them as they are, a terminal does not.
        let text = Terminal.outputIsTerminal ? ForeignText.line(text) : text
        return text.contains(where: marks.contains) ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
    }
}
