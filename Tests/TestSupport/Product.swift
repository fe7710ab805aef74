import Foundation

/// The real binary, beside the test runner in the build folder.
public enum Product {
    public static let executable: URL = {
        let runner = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return runner.deletingLastPathComponent().appending(path: "sono")
    }()
}
