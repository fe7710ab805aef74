import Foundation

/// What figures were measured on.
public struct Machine: Sendable, Codable, Equatable {
    /// The processor's own name.
    public var processor: String
    /// Processors this process may use.
    public var cores: Int
    /// Processes that ran or waited to run, over the last minute: well above 0, figures by the wall clock are doubtful.
    public var load: Double

    /// This machine, now.
    public static var current: Machine {
        Machine(
            processor: processor(in: text("/proc/cpuinfo")) ?? "unknown processor",
            cores: ProcessInfo.processInfo.activeProcessorCount,
            load: text("/proc/loadavg").split(separator: " ").first.flatMap { Double($0) } ?? 0)
    }

    /// Most memory that this process has had resident, in bytes: `VmHWM`.
    public static var peakMemory: Int { peakMemory(in: text("/proc/self/status")) ?? 0 }

    /// Begins to count `peakMemory` anew, from what is resident now.
    ///
    /// - Returns: whether the kernel does that: `clear_refs` of proc(5), which some sandboxes lack.
    @discardableResult
    public static func forgetPeakMemory() -> Bool {
        let before = peakMemory
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return false }
        defer { try? file.close() }
        guard (try? file.write(contentsOf: Data("5".utf8))) != nil else { return false }
        return peakMemory <= before
    }

    package static func processor(in cpuinfo: String) -> String? { value("model name", in: cpuinfo) }

    package static func peakMemory(in status: String) -> Int? {
        value("VmHWM", in: status)?.split(separator: " ").first.flatMap { Int($0) }.map { $0 << 10 }
    }

    /// `value` in the first line that says `key : value`.
    private static func value(_ key: String, in text: String) -> String? {
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            return parts[1].trimmingCharacters(in: .whitespaces)
        }
        return nil
    }

    private static func text(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
}
