/// The name of a claimed file, written before the file is renamed to work/TOKEN, so that a crash loses no name.
public struct ClaimNote: Equatable, Sendable {
    /// The file's name in work/.
    public var token: String
    public var pipeline: String
    /// The name in incoming/, as the file system has it: any bytes but `/` and NUL.
    public var name: [UInt8]
    /// Whether the bytes shall be computed even if they are done already (`submit --again`).
    public var again: Bool
    /// The settled job whose file was taken back into work/ (`requeue`); nil for a file from incoming/.
    public var requeueOf: JobID?

    public init(token: String, pipeline: String, name: [UInt8], again: Bool = false, requeueOf: JobID? = nil) {
        self.token = token
        self.pipeline = pipeline
        self.name = name
        self.again = again
        self.requeueOf = requeueOf
    }
}
