import TensorFiles

extension FileLimits {
    /// Small, so that small inputs reach every limit.
    static let fuzzing: FileLimits = {
        var limits = FileLimits(decodedBytes: 1 << 20, rows: 4_096)
        limits.ratio = 100
        limits.ratioFloor = 64 << 10
        limits.windowLog = 18
        limits.headerBytes = 64 << 10
        limits.entries = 64
        limits.columns = 4_096
        limits.idBytes = 64 << 10
        // A file in memory has its path below /proc/self/fd.
        limits.followsSymbolicLinks = true
        return limits
    }()
}
