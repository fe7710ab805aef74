import Failures
import Yams

/// One mapping of a pipeline file, read strictly: every complaint names file, line and key.
struct ConfigurationSection {
    private let file: String
    /// Where this section stands, such as `limits.`; empty at the top.
    private let prefix: String
    private let mapping: Node.Mapping

    /// An alias stands for a copy of what it names, and the parser looks into every copy: a few dozen of aliases of aliases
    /// would keep it busy for years. Nothing in these files needs one.
    private static let mostAliases = 16

    init(yaml: String, file: String) throws {
        try Self.checkAliases(yaml, file: file)
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw Self.syntaxError(error, file: file)
        }
        guard let root else { throw Failure(.configurationInvalid, "\(file):1: model: is missing: the file is empty.") }
        guard let mapping = root.mapping else {
            throw Failure(.configurationInvalid, "\(file):1: expected keys and values such as `model: NAME`.")
        }
        self.init(file: file, prefix: "", mapping: mapping)
    }

    /// Counts what may be an alias, in comments and texts, too.
    private static func checkAliases(_ yaml: String, file: String) throws {
        let bytes = yaml.utf8
        let aliases = zip(bytes, bytes.dropFirst()).count { star, next in
            let name = Unicode.Scalar(next)
            return star == UInt8(ascii: "*") && name.isASCII
                && (name.properties.isAlphabetic || ("0"..."9").contains(name) || name == "_" || name == "-")
        }
        if aliases > mostAliases {
            throw Failure(
                .configurationInvalid,
                "\(file):1: has more than \(mostAliases) aliases (`*name`): write out what they stand for.")
        }
    }

    /// On one line, unlike the parser's own words.
    private static func syntaxError(_ error: any Error, file: String) -> Failure {
        let (line, words): (Int, String)
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = context.map { "\($0.text) that begins in line \($0.mark.line): " } ?? ""
            (line, words) = (mark.line, place + problem)
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.sorted().prefix(5).map(shortened).joined(separator: ", ")
            (line, words) = (context.mark.line, "given more than once: \(names)")
        case .reader(let problem, let offset, let value, _):
            (line, words) = (1, "\(problem) (\(value)) at byte \(offset ?? 0)")
        default:
            (line, words) = (1, "the parser gave up")
        }
        return Failure(.configurationInvalid, "\(file):\(line): is no valid YAML: correct it. (\(words))")
    }

    private init(file: String, prefix: String, mapping: Node.Mapping) {
        self.file = file
        self.prefix = prefix
        self.mapping = mapping
    }

    /// Refuses any key that is not known here.
    func allow(_ keys: [String]) throws {
        for (key, _) in mapping where !keys.contains(key.scalar?.string ?? "") {
            let name = key.scalar.map { Self.shortened($0.string) } ?? "?"
            throw complaint(name, at: key, "unknown key; allowed here: \(keys.joined(separator: ", ")).")
        }
    }

    func missing(_ key: String) -> Failure {
        Failure(.configurationInvalid, "\(file):1: \(prefix)\(key): is missing: add it.")
    }

    func section(_ key: String, allowing keys: [String]) throws -> ConfigurationSection? {
        guard let node = mapping[Node(key)] else { return nil }
        guard let mapping = node.mapping else {
            throw complaint(key, at: node, "expected keys and values below it.")
        }
        let section = ConfigurationSection(file: file, prefix: "\(prefix)\(key).", mapping: mapping)
        try section.allow(keys)
        return section
    }

    func text(_ key: String) throws -> String? {
        guard let node = mapping[Node(key)] else { return nil }
        guard let scalar = node.scalar, node.tag.description != "tag:yaml.org,2002:null" else {
            throw complaint(key, at: node, "expected a single value.")
        }
        return scalar.string
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
        try value(key, "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            Int(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func choice<Choice>(_ key: String, of type: Choice.Type) throws -> Choice?
    where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
        try value(key, "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))", Choice.init(rawValue:))
    }

    func duration(_ key: String) throws -> Duration? {
        try value(key, "a duration above zero such as 10min, 2s, 12h or 7d, at most 36500d") { text in
            Quantity.duration(text).flatMap { $0 > .zero ? $0 : nil }
        }
    }

    func bytes(_ key: String) throws -> Int? {
        try value(key, "a size above zero such as 1GiB, 512MiB or 4096, at most 1TiB") { text in
            Quantity.bytes(text).flatMap { (1...1 << 40).contains($0) ? $0 : nil }
        }
    }

    /// A duration, or `keep` (nil).
    func horizon(_ key: String, default standard: Duration?) throws -> Duration? {
        guard let text = try text(key) else { return standard }
        return text == "keep" ? nil : try value(key, "keep or a duration such as 7d, at most 36500d", Quantity.duration)
    }

    private func value<Value>(_ key: String, _ expected: String, _ parse: (String) -> Value?) throws -> Value? {
        guard let text = try text(key) else { return nil }
        guard let value = parse(text) else {
            throw complaint(key, at: mapping[Node(key)], "expected \(expected), found `\(Self.shortened(text))`.")
        }
        return value
    }

    private static func shortened(_ text: String) -> String {
        let kept = text.unicodeScalars.prefix(ForeignText.quotedCharacters)
        return kept.endIndex == text.unicodeScalars.endIndex ? text : "\(String(kept))…"
    }

    private func complaint(_ key: String, at node: Node?, _ words: String) -> Failure {
        Failure(.configurationInvalid, "\(file):\(node?.mark?.line ?? 1): \(prefix)\(key): \(words)")
    }
}
