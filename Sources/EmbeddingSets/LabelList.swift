import Failures

/// Labels as text, one a line, turned into indices of classes.
public struct LabelList: Sendable, Hashable {
    /// Index into `classes` per row, -1 = unlabelled, `[n]`.
    public let labels: [Int32]
    public let classes: [String]

    /// - Parameters:
    ///   - lines: a class name or, where the classes are given, its index; an empty line or `-1` is an unlabelled row.
    ///   - classes: the classes in order; nil to take the names that occur, sorted.
    /// - Throws: `invalid_argument`, naming the line, for a name that is not among the classes.
    public init(lines: [String], classes given: [String]?) throws {
        let names = lines.filter { !Self.isUnlabelled($0) }
        let classes = given ?? Set(names).sorted()
        let places = Dictionary(classes.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
        labels = try lines.enumerated().map { number, line in
            if let place = places[line] { return place }
            if Self.isUnlabelled(line) { return -1 }
            if let index = Int32(line), given != nil, classes.indices.contains(Int(index)) { return index }
            throw Failure(
                .invalidArgument,
                "line \(number + 1) of the labels, \(ForeignText.quoted(line)), is none of the \(classes.count) classes: "
                    + "write a class name, its index, or -1 for an unlabelled row.")
        }
        self.classes = classes
    }

    private static func isUnlabelled(_ line: String) -> Bool { line.isEmpty || line == "-1" }
}
