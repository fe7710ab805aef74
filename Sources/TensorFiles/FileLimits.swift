/// Every cap on what an untrusted file may ask of us, in one place.
public struct FileLimits: Sendable, Hashable, Codable {
    /// Bytes of the file itself.
    public var fileBytes: Int
    /// Bytes after decompression, declared or actual.
    public var decodedBytes: Int
    /// Decompressed bytes per compressed byte, once more than `ratioFloor` bytes came out.
    public var ratio: Int = 1_000
    public var ratioFloor: Int = 64 << 20
    /// The zstd window as a power of two: what a frame may make the decoder hold. `zstd -1` to `-19` stay below 2^23.
    public var windowLog: Int = 25
    /// Bytes of the JSON (or npy) header, with all metadata.
    public var headerBytes: Int = 8 << 20
    /// Tensors in one file, and metadata keys in one file.
    public var entries: Int = 4_096
    /// Dimensions of one tensor.
    public var rank: Int = 8
    /// Rows of an embedding set.
    public var rows: Int
    /// Columns of an embedding set.
    public var columns: Int = 65_536
    /// Bytes of all UTF-8 item ids of a set together.
    public var idBytes: Int = 256 << 20
    /// Off where others choose the name (a spool); on where the user names the file.
    public var followsSymbolicLinks = false

    /// - Parameters:
    ///   - decodedBytes: decompressed bytes; a bare or incompressible file may be a little larger than that.
    ///   - rows: rows of an embedding set.
    public init(decodedBytes: Int = 1 << 30, rows: Int = 2_000_000) {
        self.decodedBytes = decodedBytes
        self.fileBytes = decodedBytes + decodedBytes / 256 + (64 << 10)
        self.rows = rows
    }

    /// For files that a person names on the command line: training sets, models, `refine` input.
    public static let commandLine: FileLimits = {
        var limits = FileLimits(decodedBytes: 256 << 30, rows: 1 << 31)
        limits.headerBytes = 100 << 20
        limits.idBytes = 64 << 30
        limits.followsSymbolicLinks = true
        return limits
    }()
}
