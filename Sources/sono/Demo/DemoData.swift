import Failures
import Foundation

/// The embedding sets that travel with the program.
struct DemoData {
    let folder: String

    var support: String { "\(folder)/support.safetensors.zst" }
    var validation: String { "\(folder)/validation.safetensors.zst" }
    var prompts: String { "\(folder)/prompts.safetensors.zst" }
    var test: String { "\(folder)/test.safetensors.zst" }

    /// Looks where an installed program has them, then where a built one has them; both beside the program itself, so
    /// that a tree may be moved.
    static func find() throws -> DemoData {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        let places = ["\(program)/../share/sono/debian-sections", "\(program)/sono_sono.resources/debian-sections"]
        guard let folder = places.first(where: { FileManager.default.fileExists(atPath: "\($0)/test.safetensors.zst") })
        else {
            throw Failure(
                .notFound,
                "the demo's data is missing: install it with `make install`, which puts it into \(places[0]).")
        }
        return DemoData(folder: folder)
    }
}
