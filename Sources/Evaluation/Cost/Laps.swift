import Glibc

/// The same work done again and again, each time with two clocks: the wall's, which users wait by, and the processor time of
/// the whole process, which waiting for a crowded machine does not count towards.
public struct Laps: Sendable {
    /// Seconds, lap by lap.
    public private(set) var wall: [Double] = []
    /// Processor seconds of all threads together, lap by lap.
    public private(set) var processor: [Double] = []

    public var count: Int { wall.count }

    /// When a measurement has seen enough.
    public struct Limits: Sendable {
        /// Laps that are measured at least, whatever they take.
        public var repeats: Int
        /// Seconds that are measured at least, however short a lap is.
        public var seconds: Double
        /// Laps that are measured at most.
        public var most = 100_000

        public init(repeats: Int = 10, seconds: Double = 0.5) {
            self.repeats = repeats
            self.seconds = seconds
        }
    }

    /// Warms up, at least once and for a tenth of the time, then measures.
    public init(_ limits: Limits = Limits(), _ work: () -> Void) {
        let start = Self.seconds(CLOCK_MONOTONIC)
        repeat { work() } while Self.seconds(CLOCK_MONOTONIC) - start < limits.seconds / 10
        var total = 0.0
        repeat {
            let (wallStart, processorStart) = (Self.seconds(CLOCK_MONOTONIC), Self.seconds(CLOCK_PROCESS_CPUTIME_ID))
            work()
            processor.append(Self.seconds(CLOCK_PROCESS_CPUTIME_ID) - processorStart)
            wall.append(Self.seconds(CLOCK_MONOTONIC) - wallStart)
            total += wall[wall.count - 1]
        } while count < limits.most && (count < limits.repeats || total < limits.seconds)
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
