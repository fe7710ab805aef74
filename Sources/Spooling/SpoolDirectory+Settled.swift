import Failures
import Foundation
import Glibc

/// What lies in done/ and failed/, for a store that has to learn of it.
extension SpoolDirectory {
    /// The inputs there, without the reasons beside them and without unfinished files.
    public func settledNames(in place: SettledPlace) throws -> [FileName] {
        try verify()
        let names = try (place == .done ? done : failed).names().filter { !$0.isIgnored }
        guard place == .failed else { return names.sorted() }
        let all = Set(names)
        return names.filter { name in
            guard name.bytes.suffix(Reason.suffix.count).elementsEqual(Reason.suffix) else { return true }
            let input = FileName(Array(name.bytes.dropLast(Reason.suffix.count)))
            return input.map { !all.contains($0) } ?? true
        }.sorted()
    }

    /// The names that a job's input can have in done/ or failed/.
    public func settledNames(
        of token: ClaimToken, jobID: Int64, name: FileName, in place: SettledPlace
    ) -> [FileName] {
        let limit = place == .done ? FileName.longest : FileName.longest - Reason.suffix.count
        return [name.settled(jobID: jobID, mark: token, limit: limit), name.settled(jobID: jobID, limit: limit)]
    }

    /// Why an input is in failed/; nil if that is not to be read.
    public func reason(beside input: FileName) -> Reason? {
        let (descriptor, _) = calls.open(Reason.name(beside: input), in: failed.descriptor)
        guard descriptor >= 0 else { return nil }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard let json = try? file.read(upToCount: 1 << 20) else { return nil }
        return try? JSONDecoder().decode(Reason.self, from: json)
    }
}

extension FileName {
    /// Job and name of `JOBID--NAME` and `JOBID-TOKEN--NAME`; nil for names that the service does not give.
    public var settledParts: (jobID: Int64, name: FileName)? {
        let digits = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !digits.isEmpty, let job = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
        let dashes = Array("--".utf8)
        var rest = bytes.dropFirst(digits.count)
        if !rest.starts(with: dashes) {
            guard rest.first == UInt8(ascii: "-") else { return nil }
            let mark = rest.dropFirst().prefix { $0 != UInt8(ascii: "-") }
            guard ClaimToken(String(decoding: mark, as: UTF8.self)) != nil else { return nil }
            rest = rest.dropFirst(1 + mark.count)
            guard rest.starts(with: dashes) else { return nil }
        }
        return FileName(Array(rest.dropFirst(dashes.count))).map { (job, $0) }
    }
}
