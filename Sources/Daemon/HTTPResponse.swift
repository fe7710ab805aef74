import Foundation

/// An answer, after which the connection ends.
package struct HTTPResponse: Sendable {
    var status = 200
    var type = "text/plain; charset=utf-8"
    /// For 405: what is allowed.
    var allow: String?
    var body = Data()

    package static func text(_ text: String, status: Int = 200, type: String = "text/plain; charset=utf-8")
        -> HTTPResponse
    {
        HTTPResponse(status: status, type: type, body: Data(text.utf8))
    }

    /// The bytes to send; without the body if the request was HEAD.
    func encoded(withBody: Bool) -> Data {
        var head = "HTTP/1.1 \(status) \(Self.phrases[status] ?? "Error")\r\n"
        head += "Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n"
        if let allow { head += "Allow: \(allow)\r\n" }
        // A browser shall not take what a producer wrote for a page.
        head += "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
        return Data(head.utf8) + (withBody ? body : Data())
    }

    private static let phrases = [
        200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
        409: "Conflict", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
        503: "Service Unavailable",
    ]
}
