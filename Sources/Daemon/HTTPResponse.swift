import Crypto
import Foundation

/// An answer, after which the connection ends.
package struct HTTPResponse: Sendable {
    var status = 200
    var type = "text/plain; charset=utf-8"
    /// For 405: what is allowed.
    var allow: String?
    /// For 503: in how many seconds to ask again.
    var retryAfter: Int?
    /// For a page: what it may load and run.
    var contentPolicy: String?
    /// Names these very bytes.
    var tag: String?
    var body = Data()

    package static func text(_ text: String, status: Int = 200, type: String = "text/plain; charset=utf-8")
        -> HTTPResponse
    {
        HTTPResponse(status: status, type: type, body: Data(text.utf8))
    }

    /// Tagged, so that a client that asks again is told so if nothing has changed; to one that has these bytes already,
    /// just that.
    func unlessKnown(to request: HTTPRequest) -> HTTPResponse {
        guard status == 200 else { return self }
        var tagged = self
        let digest = SHA256.hash(data: body).prefix(12)
        let tag = "\"\(digest.map { $0 < 16 ? "0\(String($0, radix: 16))" : String($0, radix: 16) }.joined())\""
        tagged.tag = tag
        // On its way through a proxy a tag may have become a weak one.
        guard request.knownTags.contains(where: { $0 == "*" || $0 == tag || $0 == "W/\(tag)" }) else { return tagged }
        tagged.status = 304
        tagged.body = Data()
        return tagged
    }

    /// The bytes to send; without the body if the request was HEAD.
    func encoded(withBody: Bool) -> Data {
        var head = "HTTP/1.1 \(status) \(Self.phrases[status] ?? "Error")\r\n"
        // Of 304 they would speak of the body that is not sent.
        if status != 304 { head += "Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n" }
        if let allow { head += "Allow: \(allow)\r\n" }
        if let retryAfter { head += "Retry-After: \(retryAfter)\r\n" }
        if let contentPolicy { head += "Content-Security-Policy: \(contentPolicy)\r\n" }
        // Kept, but never shown without having asked.
        head += tag.map { "ETag: \($0)\r\nCache-Control: no-cache\r\n" } ?? "Cache-Control: no-store\r\n"
        // A browser shall not take what a producer wrote for a page, nor show this inside somebody else's.
        head += "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
        head += "Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n"
        return Data(head.utf8) + (withBody ? body : Data())
    }

    private static let phrases = [
        200: "OK", 304: "Not Modified", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
        408: "Request Timeout", 409: "Conflict", 421: "Misdirected Request", 431: "Request Header Fields Too Large",
        500: "Internal Server Error", 503: "Service Unavailable",
    ]
}
