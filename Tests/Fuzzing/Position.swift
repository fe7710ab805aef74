import Failures
import Glibc

/// Where a process was when it died: a number in a file, cheap enough to be written before every input.
final class Position {
    private let descriptor: Int32

    init(path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure.system("open \(path)") }
    }

    deinit { close(descriptor) }

    func note(_ number: Int) {
        withUnsafeBytes(of: number) { _ = pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    var noted: Int? {
        var number = 0
        let count = withUnsafeMutableBytes(of: &number) { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return count == MemoryLayout<Int>.size ? number : nil
    }
}
