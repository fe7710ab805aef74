import Failures

/// Parses and checks the JSON header of a safetensors file.
///
/// The format: 8 bytes little-endian length of the header, the header
/// `{"__metadata__": {string: string}, NAME: {"dtype": T, "shape": [..], "data_offsets": [begin, end]}, …}` padded with
/// spaces, then the payload. Refused: duplicate keys, unknown members, negative or overflowing numbers, spans that do not
/// fit shape and type, and spans that overlap or leave holes.
package enum SafetensorsHeader {
    /// - Parameters:
    ///   - json: the header without its length.
    ///   - path: for messages.
    /// - Throws: `corrupt_safetensors` or `too_large`.
    package static func parse(_ json: [UInt8], path: String, limits: FileLimits = FileLimits()) throws -> TensorHeader {
        var metadata: [String: String] = [:]
        var entries: [TensorEntry] = []
        do {
            var scanner = JSONScanner(json)
            try scanner.object { name, scanner in
                if name == "__metadata__" {
                    try scanner.object { key, scanner in
                        try checkCount(metadata.count, "metadata keys", path, limits)
                        metadata[key] = try scanner.string()
                    }
                } else {
                    try checkCount(entries.count, "tensors", path, limits)
                    entries.append(try entry(named: name, &scanner, path: path, limits: limits))
                }
            }
            try scanner.end()
        } catch let fault as JSONScanner.Fault {
            throw corrupt(path, "its header is not proper JSON at byte \(8 + fault.offset): \(fault.message)")
        }
        entries.sort { ($0.span.lowerBound, $0.span.upperBound) < ($1.span.lowerBound, $1.span.upperBound) }
        try checkCover(entries, path)
        return TensorHeader(
            format: .safetensors, metadata: metadata, entries: entries, headerBytes: 8 + json.count)
    }

    private static func entry(
        named name: String, _ scanner: inout JSONScanner, path: String, limits: FileLimits
    ) throws -> TensorEntry {
        if name.isEmpty || name.utf8.count > 512 || name.unicodeScalars.contains(where: { $0.value < 0x20 }) {
            throw corrupt(path, "a tensor's name is empty, too long or has control characters")
        }
        var typeName: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.object { key, scanner in
            switch key {
            case "dtype": typeName = try scanner.string()
            case "shape": shape = try integers(&scanner, atMost: limits.rank)
            case "data_offsets": offsets = try integers(&scanner, atMost: 2)
            default:
                throw corrupt(
                    path, "tensor \(ForeignText.quoted(name)) has the unknown member \(ForeignText.quoted(key))")
            }
        }
        guard let typeName, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
            throw corrupt(path, "tensor \(ForeignText.quoted(name)) lacks dtype, shape or two ascending data_offsets")
        }
        let type = ElementType(rawValue: typeName) ?? .other
        guard let bytes = TensorHeader.byteCount(shape, size: type.size) else {
            throw Failure(
                .tooLarge,
                "\(path): the shape \(shape) of tensor \(ForeignText.quoted(name)) overflows: write the file again.")
        }
        guard type == .other || bytes == offsets[1] - offsets[0] else {
            throw corrupt(
                path,
                "tensor \(ForeignText.quoted(name)) of shape \(shape) and type \(typeName) needs \(bytes) bytes, its span has "
                    + "\(offsets[1] - offsets[0])")
        }
        return TensorEntry(
            name: name, type: type, typeName: typeName, shape: shape, span: offsets[0]..<offsets[1])
    }

    private static func integers(_ scanner: inout JSONScanner, atMost limit: Int) throws -> [Int] {
        var values: [Int] = []
        try scanner.array { scanner in
            if values.count == limit {
                throw JSONScanner.Fault(message: "more than \(limit) numbers", offset: scanner.offset)
            }
            values.append(try scanner.integer())
        }
        return values
    }

    private static func checkCover(_ entries: [TensorEntry], _ path: String) throws {
        var end = 0
        for entry in entries {
            if entry.span.lowerBound < end {
                throw corrupt(path, "tensor \(ForeignText.quoted(entry.name)) overlaps the one before it")
            }
            if entry.span.lowerBound > end {
                throw corrupt(path, "there is a hole before tensor \(ForeignText.quoted(entry.name))")
            }
            end = entry.span.upperBound
        }
    }

    private static func checkCount(_ count: Int, _ what: String, _ path: String, _ limits: FileLimits) throws {
        if count >= limits.entries {
            throw Failure(.tooLarge, "\(path) has more than \(limits.entries) \(what): put the rows into one tensor.")
        }
    }

    static func corrupt(_ path: String, _ what: String) -> Failure {
        Failure(.corruptSafetensors, "\(path): \(what): write it again with the safetensors library.")
    }
}
