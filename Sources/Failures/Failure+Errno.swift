import Glibc

extension Failure {
    /// Maps a failed system call to a failure: full disks and quotas are `no_space`, the rest is `io_error`.
    ///
    /// - Parameters:
    ///   - call: the system call and what it was applied to, such as `rename incoming/a -> work/b`.
    ///   - number: the value of `errno` straight after the call.
    public static func system(_ call: String, errno number: Int32 = errno) -> Failure {
        let cause = String(cString: strerror(number))
        switch number {
        case ENOSPC, EDQUOT:
            return Failure(.noSpace, "\(call) failed: free some disk space; work goes on by itself then.", cause: cause)
        case EACCES, EPERM:
            return Failure(.ioError, "\(call) was refused: check owner and mode.", cause: cause)
        default:
            return Failure(.ioError, "\(call) failed: check the disk and the system log.", cause: cause)
        }
    }
}
