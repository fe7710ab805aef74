import TensorFiles

/// The tensors of an accepted header cover its payload and fit their shapes, and written again they read the same.
enum SafetensorsHeaderPromise {
    static func check(_ bytes: [UInt8]) throws {
        let header = try SafetensorsHeader.parse(bytes, path: "header", limits: .fuzzing)
        var end = 0
        for entry in header.entries {
            try BrokenPromise.require(entry.span.lowerBound == end, "a hole or an overlap before \(entry)")
            end = entry.span.upperBound
            let isReadable = entry.type != .other
            let fits = !isReadable || entry.shape.reduce(entry.type.size, *) == entry.span.count
            try BrokenPromise.require(fits, "a shape that does not fit its span: \(entry)")
        }
        try BrokenPromise.require(end == header.payloadBytes, "payload of \(header.payloadBytes) bytes ends at \(end)")
        let known = header.entries.filter { $0.type != .other }
        let again = try SafetensorsLayout(known.map { ($0.name, $0.type, $0.shape) }, metadata: header.metadata)
        let reread = try SafetensorsHeader.parse(Array(again.header.dropFirst(8)), path: "again", limits: .fuzzing)
        try BrokenPromise.require(reread.metadata == header.metadata, "metadata changes when written again")
        try BrokenPromise.require(reread.entries == again.entries, "tensors change when written again")
    }
}
