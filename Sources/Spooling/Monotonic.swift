/// The clock of all waiting in the spool: CLOCK_MONOTONIC, which neither jumps with the wall clock nor counts the time
/// a machine sleeps (a producer sleeps with it).
public typealias Monotonic = SuspendingClock
