import Foundation
import TestSupport
import Testing

@Suite("the libraries in a program of one's own")
struct ExampleTests {
    private static let program = Sono.executable.deletingLastPathComponent().appending(path: "example")

    @Test("the example solves an equation of its own, and makes, saves, loads and applies a model")
    func example() throws {
        let outcome = try Sono.run([], executable: Self.program)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let errors = outcome.output.matches(of: /error ([0-9.e-]+)/).compactMap { Double($0.output.1) }
        #expect(errors.count == 3 && errors.allSatisfy { $0 < 1e-4 } && errors[2] < 1e-9, "\(outcome.output)")
        // Nearer to north as it comes, east after it was pulled there.
        #expect(outcome.output.contains("row 0: east"), "\(outcome.output)")
        #expect(outcome.output.contains("row 1: zero_norm") && outcome.output.contains("row 2: non_finite"))
    }

    @Test("it takes a model file that the product trained or was given")
    func modelFile() throws {
        let outcome = try Sono.run([Batches.model.path], executable: Self.program)
        #expect(outcome.status == 0 && outcome.output.contains("row 0: class "), "\(outcome.output)\(outcome.errors)")
    }

    @Test("the documentation shows what the example does, line by line")
    func documentation() throws {
        let tree = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let example = try String(contentsOf: tree.appending(path: "Example/Example.swift"), encoding: .utf8)
        let page = try String(
            contentsOf: tree.deletingLastPathComponent().appending(path: "docs/library.md"), encoding: .utf8)
        let known = Set(example.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) })
        let shown = page.matches(of: /(?s)```swift\n(.*?)```/).dropFirst().flatMap {
            $0.output.1.split(separator: "\n")
        }
        #expect(shown.count > 20)
        for line in shown {
            #expect(known.contains(line.trimmingCharacters(in: .whitespaces)), "not in the example: \(line)")
        }
    }
}
