import CLinux
import Failures
import Glibc

/// Ties a child's life to its parent's.
enum ParentDeath {
    /// Asks the kernel for SIGTERM when the parent goes, and ends at once if it has gone already.
    ///
    /// The signal follows the parent's *thread* that started the child, so the parent starts it from its main thread.
    static func endWith(parent: pid_t) throws {
        guard set_parent_death_signal(SIGTERM) == 0 else {
            throw Failure.system("prctl(PR_SET_PDEATHSIG)")
        }
        if getppid() != parent { Glibc.exit(0) }
    }
}
