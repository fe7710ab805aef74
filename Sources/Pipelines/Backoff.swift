/// How long a batch waits after a passing failure.
public enum Backoff {
    public static let longest = Duration.seconds(300)

    /// 1 s, 2 s, 4 s, and so on up to five minutes.
    ///
    /// - Parameter retries: how often the batch was put back before.
    public static func delay(retries: Int) -> Duration {
        min(.seconds(1 << min(max(retries, 0), 10)), longest)
    }

    /// An input or a disk that fails this often with `io_error` is not having a passing trouble.
    public static let mostRetries = 12
}
