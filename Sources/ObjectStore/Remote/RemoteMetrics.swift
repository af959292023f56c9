import Base

/// What Prometheus is told of a store: requests, bytes, retries and latency per verb.
final class RemoteMetrics: Sendable {
    private struct Verb {
        let sent: Counter
        let received: Counter
        let retries: Counter
        let seconds: Histogram
        var requests: [String: Counter] = [:]
    }

    private let registry: MetricsRegistry
    private let store: String
    // The registry looks names up by text; a request should not.
    private let verbs = Lock<[String: Verb]>([:])

    init(registry: MetricsRegistry, store: String) {
        self.registry = registry
        self.store = store
    }

    func attempt(_ verb: String, outcome: String, sent: Int, received: Int, duration: Duration) {
        let (metrics, requests) = metrics(verb, outcome)
        requests.increment()
        metrics.sent.increment(by: Double(sent))
        metrics.received.increment(by: Double(received))
        metrics.seconds.observe(duration)
    }

    func retry(_ verb: String) { metrics(verb, "ok").0.retries.increment() }

    private func metrics(_ verb: String, _ outcome: String) -> (Verb, Counter) {
        verbs.withLock { verbs in
            let labels = ["store": store, "verb": verb]
            var metrics =
                verbs[verb]
                ?? Verb(
                    sent: registry.counter("levee_store_sent_bytes_total", help: "Bytes sent to stores.", labels: labels),
                    received: registry.counter("levee_store_received_bytes_total", help: "Bytes received from stores.", labels: labels),
                    retries: registry.counter("levee_store_retries_total", help: "Attempts after the first.", labels: labels),
                    seconds: registry.histogram("levee_store_request_seconds", help: "How long attempts take.", labels: labels))
            let requests =
                metrics.requests[outcome]
                ?? registry.counter("levee_store_requests_total", help: "Attempts, by how they ended.", labels: labels.merging(["outcome": outcome]) { $1 })
            metrics.requests[outcome] = requests
            verbs[verb] = metrics
            return (metrics, requests)
        }
    }
}
