/// One entry of incoming/ as a listing saw it.
public struct IncomingEntry: Equatable, Sendable {
    public let name: FileName
    public let stamp: FileStamp

    public init(name: FileName, stamp: FileStamp) {
        self.name = name
        self.stamp = stamp
    }
}
