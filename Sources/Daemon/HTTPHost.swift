import Foundation
import Glibc

/// The name or address in a Host field, without its port.
package struct HTTPHost: Sendable {
    package let name: String

    /// Nil for an empty field.
    init?(_ field: String) {
        let name =
            field.hasPrefix("[")
            ? field.prefix { $0 != "]" } + "]" : field.prefix { $0 != ":" }
        guard !name.isEmpty else { return nil }
        self.name = name.lowercased()
    }

    /// Whether it can be this service.
    ///
    /// A page from elsewhere whose name its owner makes point to 127.0.0.1 could read all answers ("DNS rebinding"): its
    /// requests come under that name. An address, or a name that no public DNS has, cannot be made to point here.
    package var isOurs: Bool { Self.names.contains(name) || isAddress }

    private static let names: Set<String> = ["localhost", "sono"]

    private var isAddress: Bool {
        var v4 = in_addr()
        var v6 = in6_addr()
        return inet_pton(AF_INET, name, &v4) == 1
            || (name.hasPrefix("[") && inet_pton(AF_INET6, String(name.dropFirst().dropLast()), &v6) == 1)
    }
}
