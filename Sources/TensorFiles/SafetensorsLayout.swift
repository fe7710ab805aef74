import Failures

/// Where the tensors of a safetensors file to be written stand, and the header that says so.
package struct SafetensorsLayout: Sendable {
    /// Length prefix, JSON and padding: a multiple of 8 bytes, so that the payload is aligned.
    package let header: [UInt8]
    package let entries: [TensorEntry]
    package var totalBytes: Int { header.count + (entries.last?.span.upperBound ?? 0) }

    /// Orders tensors by element size, widest first, then by name, so that each is aligned to its element.
    ///
    /// - Throws: `invalid_argument` for a name that is taken or a shape that overflows.
    package init(
        _ tensors: [(name: String, type: ElementType, shape: [Int])], metadata: [String: String]
    ) throws {
        let ordered = tensors.sorted { ($1.type.size, $0.name) < ($0.type.size, $1.name) }
        var entries: [TensorEntry] = []
        var names: Set<String> = ["__metadata__"]
        var offset = 0
        for tensor in ordered {
            guard names.insert(tensor.name).inserted else {
                throw Failure(.invalidArgument, "a tensor named \(tensor.name) stands twice: give it another name.")
            }
            guard let bytes = TensorHeader.byteCount(tensor.shape, size: tensor.type.size),
                tensor.shape.allSatisfy({ $0 >= 0 }), !offset.addingReportingOverflow(bytes).overflow
            else {
                throw Failure(.invalidArgument, "the shape \(tensor.shape) of \(tensor.name) makes no sense.")
            }
            entries.append(
                TensorEntry(name: tensor.name, type: tensor.type, shape: tensor.shape, span: offset..<offset + bytes))
            offset += bytes
        }
        self.entries = entries
        header = Self.encode(entries, metadata)
    }

    package func entry(_ name: String) throws -> TensorEntry {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw Failure(.invalidArgument, "the file to be written has no tensor \(name).")
        }
        return entry
    }

    private static func encode(_ entries: [TensorEntry], _ metadata: [String: String]) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map {
                "\(JSONStrings.quote($0.key)):\(JSONStrings.quote($0.value))"
            }
            members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        for entry in entries {
            let shape = entry.shape.map(String.init).joined(separator: ",")
            members.append(
                "\(JSONStrings.quote(entry.name)):{\"dtype\":\"\(entry.type.rawValue)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(entry.span.lowerBound),\(entry.span.upperBound)]}")
        }
        var json = Array("{\(members.joined(separator: ","))}".utf8)
        json.append(contentsOf: [UInt8](repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
        let length = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) }
        return length + json
    }
}
