import Failures
import Foundation

/// The committed inputs of one decoder: valid small files, hostile ones, and what the fuzzers reached and found.
struct Corpus {
    struct Input {
        let name: String
        let bytes: [UInt8]

        /// A name that begins with a code and a dash says what the input is refused with; `reached/…` says nothing, and any
        /// other name stands for an input that is accepted.
        var expected: Expected {
            if name.hasPrefix("reached/") { return .anything }
            return FailureCode(rawValue: String(name.prefix { $0 != "-" })).map(Expected.refused) ?? .accepted
        }
    }

    enum Expected: Equatable {
        case accepted
        case refused(FailureCode)
        case anything

        func allows(_ code: FailureCode?) -> Bool {
            switch self {
            case .accepted: code == nil
            case .refused(let expected): code == expected
            case .anything: true
            }
        }
    }

    let inputs: [Input]

    init(_ decoder: Decoder) throws {
        let folder = "\(Bundle.module.bundlePath)/Corpus/\(decoder.rawValue)"
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
        inputs = try names.compactMap { name in
            var isFolder: ObjCBool = false
            let path = "\(folder)/\(name)"
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else {
                return nil
            }
            return Input(name: name, bytes: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
        }
    }
}
