extension FileName {
    /// `JOBID--NAME`, the name of an input in done/ and failed/, shortened to `limit` bytes.
    ///
    /// The job id and the extension stay; the middle goes, between two characters where the name is UTF-8. Job ids
    /// are unique in a store, so two shortened names never collide.
    ///
    /// - Parameters:
    ///   - mark: stands after the job id when a file of an older store already has the plain name.
    ///   - limit: the most bytes, at least 64.
    public func settled(jobID: Int64, mark: ClaimToken? = nil, limit: Int = FileName.longest) -> FileName {
        let head = Array("\(jobID)\(mark.map { "-\($0.text)" } ?? "")--".utf8)
        return FileName(checked: head + shortened(to: limit - head.count))
    }

    /// The name with `suffix` before its extension: `batch-2.safetensors.zst`, still at most 255 bytes.
    public func numbered(_ suffix: String) -> FileName {
        let (stem, ending) = split
        let tail = Array(suffix.utf8) + ending
        let kept = FileName(checked: Array(stem)).shortened(to: FileName.longest - tail.count)
        return FileName(checked: kept + tail)
    }

    /// The name that says of a file in incoming/ that its bytes shall be computed even if they are done already:
    /// `batch--again.safetensors.zst`. It is part of the file, so it is neither lost at a crash nor taken for another's.
    public var markedAgain: FileName { numbered(FileName.againMark) }

    /// The name without that mark; nil if it has none.
    public var withoutAgainMark: FileName? {
        let (stem, ending) = split
        let mark = Array(FileName.againMark.utf8)
        guard stem.count > mark.count, stem.suffix(mark.count).elementsEqual(mark) else { return nil }
        return FileName(Array(stem.dropLast(mark.count)) + ending)
    }

    private static let againMark = "--again"

    /// The name without its last characters before the extension, so that it has at most `limit` bytes.
    private func shortened(to limit: Int) -> [UInt8] {
        guard bytes.count > limit else { return bytes }
        let (stem, ending) = split
        var kept = stem.prefix(limit - ending.count)
        // A UTF-8 continuation byte straight after the cut means that the cut is inside a character.
        while kept.count > 0, kept.endIndex < stem.endIndex, stem[kept.endIndex] & 0xC0 == 0x80, kept.count > limit / 2
        {
            kept = kept.dropLast()
        }
        return Array(kept) + ending
    }

    /// Stem and extension; `.zst` takes the extension before it along. Extensions longer than 24 bytes are no
    /// extensions.
    private var split: (stem: ArraySlice<UInt8>, ending: [UInt8]) {
        var stem = bytes[...]
        var ending: [UInt8] = []
        while let dot = stem.dropFirst().lastIndex(of: UInt8(ascii: ".")), stem.endIndex - dot <= 24 {
            ending = Array(stem[dot...]) + ending
            stem = stem[..<dot]
            if ending != Array(".zst".utf8) { break }
        }
        return (stem, ending)
    }
}
