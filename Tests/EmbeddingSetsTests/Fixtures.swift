import EmbeddingSets
import Failures
import Foundation
import TensorFiles

/// The files that `Fixtures/make.py` wrote, and the set they hold.
enum Fixtures {
    static let rows = 5
    static let columns = 4
    static let embeddings = (0..<20).map { (Float($0) - 7) / 8 }
    static let velocity: [Float] = (0..<20).map { index in
        let turned = (4 - index / 4) * 4 + index % 4
        return (Float(turned) - 7) / 4
    }
    static let integerIDs: [Int64] = [7, -1, 1 << 62, 0, 3]
    static let textIDs = ["first", "", "zwölf", "日本語", "🜁"]
    static let labels: [Int32] = [0, 1, -1, 1, 0]

    static func names(_ folder: String) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: path(folder, ""))
        return (names ?? []).sorted()
    }

    static func path(_ folder: String, _ name: String) -> String {
        Bundle.module.bundlePath + "/Fixtures/\(folder)/\(name)"
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path("good", name))))
    }
}

/// The code that reading ends with; nil where it succeeds. Both passes must agree.
func refusal(_ path: String, limits: FileLimits = FileLimits()) throws -> Failure? {
    let first = outcome { try EmbeddingSetFile.inspect(path: path, limits: limits) }
    let second = outcome { try EmbeddingSetFile.stream(path: path, limits: limits) { _ in } }
    guard first == second else { throw Failure(.internal, "the passes disagree: \(first as Any), \(second as Any)") }
    return first
}

private func outcome(_ body: () throws -> some Any) -> Failure? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? Failure ?? Failure(.internal, "\(error)")
    }
}
