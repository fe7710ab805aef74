import Failures
import Glibc

/// Bounds on the process that asks for them, kept by the kernel: a decoder that wants more dies of it.
enum Confinement {
    /// - Parameters:
    ///   - bytes: of address space beyond what the process has now.
    ///   - seconds: of processor time, so that a crowded machine breaks no test.
    static func enter(bytes: Int, seconds: Int) throws {
        try set(Int32(RLIMIT_AS.rawValue), status("VmSize") + bytes)
        try set(Int32(RLIMIT_CPU.rawValue), seconds)
        try set(Int32(RLIMIT_CORE.rawValue), 0)
    }

    /// The most memory that the process has held so far, in bytes.
    static func peak() throws -> Int { try status("VmHWM") }

    private static func set(_ resource: Int32, _ value: Int) throws {
        var limit = rlimit(rlim_cur: rlim_t(value), rlim_max: rlim_t(value))
        guard setrlimit(__rlimit_resource_t(resource), &limit) == 0 else { throw Failure.system("setrlimit") }
    }

    private static func status(_ field: String) throws -> Int {
        guard let file = fopen("/proc/self/status", "re") else { throw Failure.system("open /proc/self/status") }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                .split { $0 == " " || $0 == "\t" || $0 == "\n" }
            if words.first == "\(field):", words.count > 1, let kilobytes = Int(words[1]) { return kilobytes << 10 }
        }
        throw Failure(.internal, "/proc/self/status has no \(field)")
    }
}
