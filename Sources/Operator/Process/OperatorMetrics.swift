import Base
import DeltaEngine
import HTTP
import KubeClient

/// What the operator tells Prometheus.
struct OperatorMetrics: Sendable {
    /// Those of stores are in it too.
    let registry: MetricsRegistry
    /// What is brought up to date when it is asked for.
    private let queues = Lock<[WorkQueue<ObjectKey>]>([])

    init(registry: MetricsRegistry) { self.registry = registry }

    /// - Parameter namespace: that the controller looks after; nil: all of them.
    func queue(of controller: String, in namespace: String?, _ environment: EngineEnvironment) -> WorkQueue<ObjectKey> {
        let counts = WorkQueueMetrics(registry: registry, name: controller, labels: namespace.map { ["namespace": $0] } ?? [:])
        let queue = WorkQueue<ObjectKey>(clock: environment.clock, random: environment.random, metrics: counts)
        queues.withLock { $0.append(queue) }
        return queue
    }

    func measure(_ controller: String, _ reconcile: () async throws -> Requeue) async throws -> Requeue {
        let clock = ContinuousClock()
        let start = clock.now
        var outcome = "error"
        defer {
            registry.counter("levee_reconcile_total", help: "Reconciliations.", labels: ["controller": controller, "outcome": outcome]).increment()
            registry.histogram("levee_reconcile_seconds", help: "How long reconciliations take.", labels: ["controller": controller])
                .observe(clock.now - start)
        }
        let requeue = try await reconcile()
        outcome = "ok"
        return requeue
    }

    func forget(table key: ObjectKey) {
        for name in Self.tableGauges { registry.remove(name, whereLabels: ["namespace": key.namespace, "table": key.name]) }
    }

    private static let tableGauges = ["levee_table_version", "levee_table_files", "levee_table_bytes", "levee_table_small_files", "levee_table_health"]

    func response(_ clusters: [KubeCluster]) -> ServerResponse {
        for queue in queues.withLock({ $0 }) { queue.report() }
        let tables = clusters.flatMap(\.tables.objects)
        let ready = tables.count { $0.status?.conditions?.isTrue(ConditionType.ready) ?? false }
        for (label, count) in [("true", ready), ("false", tables.count - ready)] {
            registry.gauge("levee_tables", help: "DeltaTables.", labels: ["ready": label]).set(Double(count))
        }
        for table in tables { show(table) }
        let clones = clusters.flatMap(\.clones.objects)
        let synced = clones.count { $0.status?.conditions?.isTrue(ConditionType.ready) ?? false }
        for (label, count) in [("true", synced), ("false", clones.count - synced)] {
            registry.gauge("levee_clones", help: "TableClones.", labels: ["ready": label]).set(Double(count))
        }
        let operations = clusters.flatMap(\.operations.objects)
        for phase in TableOperation.Phase.allCases {
            registry.gauge("levee_operations", help: "TableOperations.", labels: ["phase": phase.rawValue]).set(Double(operations.count { $0.phase == phase }))
        }
        return .text(200, registry.render(), contentType: MetricsRegistry.contentType)
    }

    private func show(_ table: DeltaTable) {
        let labels = ["namespace": table.metadata.namespace, "table": table.metadata.name]
        func set(_ name: String, _ help: String, _ value: Int64?) {
            if let value { registry.gauge(name, help: help, labels: labels).set(Double(value)) }
        }
        set("levee_table_version", "The table's latest version.", table.status?.table?.version)
        set("levee_table_files", "Data files.", table.status?.table?.numFiles)
        set("levee_table_bytes", "Bytes in data files.", table.status?.table?.sizeBytes)
        set("levee_table_small_files", "Files that an OPTIMIZE would merge.", table.status?.layout?.smallFiles)
        set("levee_table_health", "0 to 100.", table.status?.health.map { Int64($0.score) })
    }
}
