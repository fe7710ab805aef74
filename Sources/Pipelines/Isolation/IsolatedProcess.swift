import CLinux
import Glibc

/// A child process with a socket to it, which unlike a pipe raises no signal when it has gone, and a pipe from it; its words go
/// where ours go.
struct IsolatedProcess: ~Copyable {
    enum End: Equatable {
        case exited(Int32)
        case signalled(Int32)

        var words: String {
            switch self {
            case .exited(let status): "ended with status \(status) and no answer"
            case .signalled(let number): "was ended by signal \(number) (\(String(cString: strsignal(number))))"
            }
        }
    }

    private let identifier: pid_t
    private var input: Int32
    private let output: Int32

    /// Nil, and `errno`, if it cannot be started.
    ///
    /// Signals that we ignore it ignores too: what ends the service is no word to it, the service itself ends it then.
    init?(program: String, arguments: [String]) {
        var (input, output): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue
        guard socketpair(AF_UNIX, Int32(kind), 0, &input) == 0 else { return nil }
        guard pipe2(&output, O_CLOEXEC) == 0 else {
            let number = errno
            for end in input { close(end) }
            errno = number
            return nil
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let number = posix_spawn(&child, program, &actions, nil, &words, environ)
        close(input[0])
        close(output[1])
        guard number == 0 else {
            close(input[1])
            close(output[0])
            errno = number
            return nil
        }
        (identifier, self.input, self.output) = (child, input[1], output[0])
    }

    deinit {
        if input >= 0 { close(input) }
        close(output)
    }

    /// Says something, and that this is all. A task is smaller than a socket holds, so this does not wait.
    mutating func ask(_ bytes: [UInt8]) {
        defer {
            close(input)
            input = -1
        }
        var done = 0
        bytes.withUnsafeBytes { bytes in
            while done < bytes.count {
                let count = send(
                    input, bytes.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                // It has ended already: how, `wait` says.
                guard count > 0 else { return }
                done += count
            }
        }
    }

    /// Everything it says until it closes its end.
    ///
    /// - Parameter milliseconds: how often `tick` is called at least.
    /// - Returns: nil if it says more than `most` bytes.
    func listen(upTo most: Int, every milliseconds: Int32, _ tick: () throws -> Void) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            try tick()
            var ready = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, milliseconds) > 0 else { continue }
            let count = piece.withUnsafeMutableBytes { read(output, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= most else { return nil }
            bytes.append(contentsOf: piece[..<count])
        }
    }

    func kill() { _ = Glibc.kill(identifier, SIGKILL) }

    /// Waits until it has ended; it may have closed its output long before.
    ///
    /// - Parameter tick: called again and again meanwhile.
    func wait(_ tick: () throws -> Void) throws -> End {
        var status: Int32 = 0
        while true {
            let ended = waitpid(identifier, &status, WNOHANG)
            if ended == identifier { break }
            if ended < 0, errno != EINTR { return .exited(-1) }
            try tick()
            usleep(1_000)
        }
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
    }
}
