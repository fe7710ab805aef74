/// What one listener grants its clients, so that none of them can use up the service.
package struct HTTPLimits: Sendable {
    /// Connections at a time; more wait in the kernel's queue until one ends.
    package var connections = 64
    /// Bytes of a request's head.
    package var headBytes = 16 << 10
    /// From the connection to the end of the head.
    package var reading = Duration.seconds(5)
    /// To take the whole answer.
    package var writing = Duration.seconds(30)

    package init() {}
}
