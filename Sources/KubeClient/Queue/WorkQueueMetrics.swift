import Base

/// What a work queue tells Prometheus, by the names that every Kubernetes controller has for it.
public struct WorkQueueMetrics: Sendable {
    let depth: Gauge
    let adds: Counter
    let retries: Counter
    let queued: Histogram
    let worked: Histogram
    let unfinished: Gauge
    let longest: Gauge

    /// - Parameter labels: that tell it from other queues of the name.
    public init(registry: MetricsRegistry, name: String, labels: [String: String] = [:]) {
        let labels = labels.merging(["name": name]) { $1 }
        depth = registry.gauge("workqueue_depth", help: "Keys that wait to be worked on.", labels: labels)
        adds = registry.counter("workqueue_adds_total", help: "Keys that were added.", labels: labels)
        retries = registry.counter("workqueue_retries_total", help: "Keys that were added again after a failure.", labels: labels)
        queued = registry.histogram("workqueue_queue_duration_seconds", help: "How long keys wait before they are worked on.", labels: labels)
        worked = registry.histogram("workqueue_work_duration_seconds", help: "How long the work on a key takes.", labels: labels)
        unfinished = registry.gauge(
            "workqueue_unfinished_work_seconds", help: "How long the work under way has been, all keys together; grows where something hangs.", labels: labels)
        longest = registry.gauge("workqueue_longest_running_processor_seconds", help: "How long the longest work under way has been.", labels: labels)
    }
}
