/// One line, or a few, of what Prometheus is told.
protocol Metric: Sendable {
    func render(_ name: String, _ labels: MetricLabels, to text: inout String)
}

/// A number that only grows.
public final class Counter: Metric {
    private let total = Lock(0.0)

    public var value: Double { total.withLock { $0 } }

    /// Adds one, or another amount; negative ones are left out.
    public func increment(by amount: Double = 1) {
        guard amount > 0 else { return }
        total.withLock { $0 += amount }
    }

    func render(_ name: String, _ labels: MetricLabels, to text: inout String) { text += "\(name)\(labels.braces()) \(value.prometheus)\n" }
}

/// A number that goes up and down.
public final class Gauge: Metric {
    private let current = Lock(0.0)

    public var value: Double { current.withLock { $0 } }

    public func set(_ value: Double) { current.withLock { $0 = value } }
    public func add(_ amount: Double) { current.withLock { $0 += amount } }

    func render(_ name: String, _ labels: MetricLabels, to text: inout String) { text += "\(name)\(labels.braces()) \(value.prometheus)\n" }
}

/// How often values fell into ranges, and their sum.
public final class Histogram: Metric {
    /// For durations: five milliseconds to five minutes.
    public static let secondsBuckets: [Double] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

    private struct State {
        /// Per bucket, the last for what lies above all bounds; not cumulated.
        var counts: [Int]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let state: Lock<State>

    init(buckets: [Double]) {
        bounds = buckets.sorted()
        state = Lock(State(counts: Array(repeating: 0, count: buckets.count + 1)))
    }

    public func observe(_ value: Double) {
        guard !value.isNaN else { return }
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    public func observe(_ duration: Duration) { observe(duration / .seconds(1)) }

    func render(_ name: String, _ labels: MetricLabels, to text: inout String) {
        let state = state.withLock { $0 }
        var cumulated = 0
        for (bound, count) in zip(bounds + [.infinity], state.counts) {
            cumulated += count
            text += "\(name)_bucket\(labels.braces(adding: "le=\"\(bound.prometheus)\"")) \(cumulated)\n"
        }
        text += "\(name)_sum\(labels.braces()) \(state.sum.prometheus)\n\(name)_count\(labels.braces()) \(cumulated)\n"
    }
}

extension Double {
    /// As Prometheus reads it: whole numbers without a fraction, `+Inf`, `-Inf`, `NaN`.
    fileprivate var prometheus: String {
        if isNaN { return "NaN" }
        if isInfinite { return self < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: self).map { "\($0)" } ?? description
    }
}
