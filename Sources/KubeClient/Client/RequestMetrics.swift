import Base
import HTTP

/// What a client tells Prometheus of its requests, by the names that every Kubernetes component has for it.
struct RequestMetrics: Sendable {
    private let registry: MetricsRegistry
    private let host: String

    init(registry: MetricsRegistry, server: String) {
        self.registry = registry
        host = String(server.drop { $0 != "/" }.drop { $0 == "/" }.prefix { $0 != "/" })
    }

    /// - Parameter status: of the answer; nil where none came.
    func count(_ method: String, status: Int?, took: Duration) {
        registry.counter(
            "rest_client_requests_total", help: "Requests to the API server, by method and by the status of the answer.",
            labels: ["code": status.map(String.init) ?? "<error>", "host": host, "method": method]
        ).increment()
        registry.histogram(
            "rest_client_request_duration_seconds", help: "How long the API server takes to answer, to the beginning of a stream.",
            labels: ["host": host, "verb": method]
        ).observe(took)
    }

    func heldBack(_ method: String, for duration: Duration) {
        registry.histogram(
            "rest_client_rate_limiter_duration_seconds", help: "How long requests are held back by the client's own limit.",
            labels: ["host": host, "verb": method]
        ).observe(duration)
    }
}
