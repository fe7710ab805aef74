import Foundation
import Synchronization
import Testing

/// A terminal of a given size; what is written to it is kept.
final class PseudoTerminal: Sendable {
    /// The side that a program writes to.
    let handle: FileHandle
    private let master: Int32
    private let bytes = Mutex(Data())

    init(columns: UInt16, rows: UInt16) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(master >= 0)
        // TIOCSPTLCK and TIOCGPTN, which are macros that Swift does not see: unlock the other side, and ask for its number.
        var (lock, number): (Int32, UInt32) = (0, 0)
        try #require(ioctl(master, 0x4004_5431, &lock) == 0 && ioctl(master, 0x8004_5430, &number) == 0)
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        try #require(ioctl(master, UInt(TIOCSWINSZ), &size) == 0)
        let side = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(side >= 0)
        handle = FileHandle(fileDescriptor: side, closeOnDealloc: true)
        let reader = Thread { [self, master] in
            var buffer = [UInt8](repeating: 0, count: 4_096)
            while true {
                let count = read(master, &buffer, buffer.count)
                guard count > 0 else { return }
                bytes.withLock { $0.append(contentsOf: buffer[..<count]) }
            }
        }
        reader.start()
    }

    var output: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }

    /// How the terminal is set, as bytes that can be compared.
    var settings: Data {
        var now = termios()
        tcgetattr(handle.fileDescriptor, &now)
        return withUnsafeBytes(of: &now) { Data($0) }
    }
}
