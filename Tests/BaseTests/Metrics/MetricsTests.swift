import Base
import Testing

@Suite struct MetricsTests {
    @Test func rendersPrometheusText() {
        let registry = MetricsRegistry()
        registry.counter("levee_runs_total", help: "Runs\nso far.", labels: ["kind": "optimize", "a": "x\"y\\z"]).increment()
        registry.counter("levee_runs_total", help: "", labels: ["a": "x\"y\\z", "kind": "optimize"]).increment(by: 1.5)
        registry.counter("levee_runs_total", help: "", labels: ["kind": "vacuum"]).increment(by: -1)
        registry.gauge("levee_depth", help: "Depth.").set(-2)
        let latency = registry.histogram("levee_seconds", help: "Seconds.", buckets: [1, 0.5])
        for value in [0.25, 0.5, 0.75, 100, .nan] { latency.observe(value) }
        #expect(
            registry.render() == #"""
                # HELP levee_depth Depth.
                # TYPE levee_depth gauge
                levee_depth -2
                # HELP levee_runs_total Runs\nso far.
                # TYPE levee_runs_total counter
                levee_runs_total{a="x\"y\\z",kind="optimize"} 2.5
                levee_runs_total{kind="vacuum"} 0
                # HELP levee_seconds Seconds.
                # TYPE levee_seconds histogram
                levee_seconds_bucket{le="0.5"} 2
                levee_seconds_bucket{le="1"} 3
                levee_seconds_bucket{le="+Inf"} 4
                levee_seconds_sum 101.5
                levee_seconds_count 4

                """#)
        registry.remove("levee_runs_total", whereLabels: ["kind": "vacuum"])
        #expect(!registry.render().contains("vacuum"))
        #expect(registry.render().contains("optimize"))
    }

    @Test func countsFromManyTasks() async {
        let registry = MetricsRegistry()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<1000 { registry.counter("c_total", help: "").increment() } }
            }
        }
        #expect(registry.counter("c_total", help: "").value == 8000)
    }
}
