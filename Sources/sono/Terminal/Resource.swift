import Failures
import Foundation

/// Files that travel with the program.
enum Resource {
    /// Looks where an installed program has them, then where a built one has them; both beside the program itself, so
    /// that a tree may be moved.
    static func path(_ name: String) throws -> String {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        let places = ["\(program)/../share/sono/\(name)", "\(program)/sono_sono.resources/\(name)"]
        guard let found = places.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw Failure(
                .notFound,
                "\(name) is missing: install the package sono-demo, or `make install`, which puts it into \(places[0])."
            )
        }
        return found
    }
}
