/// All numbers that the process shows to Prometheus. Asking twice for the same name and labels gives the same metric.
public final class MetricsRegistry: Sendable {
    private struct Family {
        var kind: MetricKind
        var help: String
        var members: [MetricLabels: any Metric] = [:]
    }

    private let families = Lock<[String: Family]>([:])

    public init() {}

    /// A number that only grows. By convention its name ends with `_total`.
    public func counter(_ name: String, help: String, labels: [String: String] = [:]) -> Counter {
        metric(name, .counter, help, labels) { Counter() }
    }

    /// A number that goes up and down.
    public func gauge(_ name: String, help: String, labels: [String: String] = [:]) -> Gauge {
        metric(name, .gauge, help, labels) { Gauge() }
    }

    /// How often values fell into ranges. `buckets` are the ranges' upper bounds, ascending; all members of a family use those of the first.
    public func histogram(_ name: String, help: String, labels: [String: String] = [:], buckets: [Double] = Histogram.secondsBuckets) -> Histogram {
        metric(name, .histogram, help, labels) { Histogram(buckets: buckets) }
    }

    /// Forgets what a name says about something that is gone (a deleted table); its members hold all of these labels.
    public func remove(_ name: String, whereLabels labels: [String: String]) {
        families.withLock { families in
            guard let members = families[name]?.members else { return }
            families[name]?.members = members.filter { !$0.key.contains(labels) }
        }
    }

    /// A name that stands for another kind already is a mistake in the program: the caller gets a metric that counts and is not shown.
    private func metric<M: Metric>(_ name: String, _ kind: MetricKind, _ help: String, _ labels: [String: String], _ make: () -> M) -> M {
        let labels = MetricLabels(labels)
        return families.withLock { families in
            var family = families[name] ?? Family(kind: kind, help: help)
            if let known = family.members[labels] as? M { return known }
            let metric = make()
            guard family.kind == kind else {
                assertionFailure("\(name) is a \(family.kind.rawValue), not a \(kind.rawValue)")
                return metric
            }
            family.members[labels] = metric
            families[name] = family
            return metric
        }
    }

    /// Everything in Prometheus' text format 0.0.4, families and members in order of their names.
    public func render() -> String {
        let families = families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.members.isEmpty {
            let help = family.help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, metric) in family.members.sorted(by: { $0.key.text < $1.key.text }) { metric.render(name, labels, to: &text) }
        }
        return text
    }

    /// What a server says the rendered text is.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"
}

enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// Labels in order of their names, as they are written.
struct MetricLabels: Sendable, Hashable {
    private let pairs: [[String]]
    /// `a="1",b="2"`
    let text: String

    init(_ labels: [String: String]) {
        let sorted = labels.sorted { $0.key < $1.key }
        pairs = sorted.map { [$0.key, $0.value] }
        text = sorted.map { name, value in
            let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\(name)=\"\(escaped)\""
        }.joined(separator: ",")
    }

    func contains(_ labels: [String: String]) -> Bool { labels.allSatisfy { pairs.contains([$0.key, $0.value]) } }

    /// In braces, with another label behind; empty without any.
    func braces(adding extra: String = "") -> String {
        let all = [text, extra].filter { !$0.isEmpty }
        return all.isEmpty ? "" : "{\(all.joined(separator: ","))}"
    }
}
