/// A place of status.sock, by its name in the OpenAPI description.
package enum StatusPlace: String, CaseIterable, Sendable {
    case page = "/"
    case description = "/openapi.json"
    case live = "/health/live"
    case ready = "/health/ready"
    case metrics = "/metrics"
    case status = "/v1/status"
    case queue = "/v1/queue"
    case history = "/v1/history"
    case jobs = "/v1/jobs"
    case job = "/v1/jobs/{id}"
    case results = "/v1/results"
    case distribution = "/v1/pipelines/{name}/distribution"

    /// The place that a request asks for, and the part of its path that varies; nil if there is no such place.
    static func find(_ parts: [String]) -> (place: StatusPlace, varying: String)? {
        for place in allCases {
            let pattern = place.rawValue.split(separator: "/")
            guard pattern.count == parts.count else { continue }
            let pairs = zip(pattern, parts)
            guard pairs.allSatisfy({ $0.hasPrefix("{") || $0 == $1 }) else { continue }
            return (place, pairs.first { $0.0.hasPrefix("{") }?.1 ?? "")
        }
        return nil
    }
}
