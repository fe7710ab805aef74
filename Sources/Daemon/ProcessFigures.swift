import Foundation
import Glibc

/// What the kernel says of this process, for the metrics that every Prometheus client has under the same names.
package struct ProcessFigures {
    package let cpuSeconds: Double
    package let residentBytes: Int
    package let virtualBytes: Int
    package let openFiles: Int
    package let mostFiles: Int
    /// Seconds since 1970.
    package let started: Double

    /// Nil where /proc does not say.
    package init?() {
        // Behind the program's name, which may hold anything, from the third field on.
        guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
            let fields = stat.split(separator: ")").last?.split(separator: " "), fields.count > 21,
            let userTicks = Double(fields[11]), let systemTicks = Double(fields[12]),
            let startTicks = Double(fields[19]),
            let virtualBytes = Int(fields[20]), let pages = Int(fields[21]),
            let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        else { return nil }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        cpuSeconds = (userTicks + systemTicks) / ticks
        residentBytes = pages * sysconf(Int32(_SC_PAGESIZE))
        self.virtualBytes = virtualBytes
        // Without the one by which they were listed.
        openFiles = names.count - 1
        mostFiles = Int(clamping: limit.rlim_cur)
        started = Self.bootTime + startTicks / ticks
    }

    /// Seconds since 1970, by the clocks: /proc/stat, which has it too, is not there in the service's sandbox. Once, so
    /// that a clock that is set later does not look like another start.
    private static let bootTime = seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME)

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
