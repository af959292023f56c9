import Base
import HTTP
import TestSupport
import Testing

@testable import KubeClient

/// The client's own limit, and what it counts.
@Suite struct RequestRateTests {
    @Test func permitsComeAtTheRateAndAreKeptUpToTheBurst() {
        var bucket = TokenBucket(RequestRate(perSecond: 10, burst: 3))
        func waits(_ count: Int, at now: Duration) -> [Duration] { (0..<count).map { _ in bucket.take(now: now) } }
        #expect(waits(5, at: .zero) == [.zero, .zero, .zero, .milliseconds(100), .milliseconds(200)])
        // The two that wait have taken what has come.
        #expect(waits(1, at: .milliseconds(200)) == [.milliseconds(100)])
        #expect(waits(2, at: .milliseconds(500)) == [.zero, .zero])
        #expect(waits(4, at: .seconds(3600)) == [.zero, .zero, .zero, .milliseconds(100)])
        // A clock that went back gives nothing away.
        #expect(waits(1, at: .zero) == [.milliseconds(200)])
        bucket.giveBack()
        #expect(waits(1, at: .zero) == [.milliseconds(200)])
    }

    @Test func requestsBeyondItWait() async throws {
        let server = try ScriptedAPIServer { _, _ in .json(.configMap("a", version: 1)) }
        let registry = MetricsRegistry()
        let client = try server.client {
            $0.rate = RequestRate(perSecond: 50, burst: 2)
            $0.metrics = registry
        }
        let start = ContinuousClock.now
        for _ in 0..<7 { _ = try await client.get(ConfigMap.self, ObjectKey(namespace: "ns", name: "a")) }
        #expect(ContinuousClock.now - start >= .milliseconds(95))
        let text = registry.render()
        #expect(text.contains(#"rest_client_requests_total{code="200",host="127.0.0.1:\#(server.port)",method="GET"} 7"#))
        #expect(text.contains(#"rest_client_request_duration_seconds_count{host="127.0.0.1:\#(server.port)",verb="GET"} 7"#))
        #expect(text.contains("rest_client_rate_limiter_duration_seconds_count"))
        await server.stop()
        await #expect(throws: KubeError.self) {
            try await server.client {
                $0.metrics = registry
                $0.retry = .never
            }.get(ConfigMap.self, ObjectKey(namespace: "ns", name: "a"))
        }
        #expect(registry.render().contains(#"rest_client_requests_total{code="<error>""#))
    }

    @Test func workQueuesCount() async {
        let registry = MetricsRegistry()
        let clock = ManualClock()
        let queue = WorkQueue<String>(clock: clock, metrics: WorkQueueMetrics(registry: registry, name: "tables"))
        func value(_ name: String) -> String? {
            registry.render().split(separator: "\n").first { $0.hasPrefix("workqueue_\(name){name=\"tables\"} ") }?.split(separator: " ").last.map(String.init)
        }
        queue.add("a")
        queue.add("a")
        queue.add("b")
        clock.advance(by: .seconds(2))
        queue.report()
        #expect(value("depth") == "2" && value("adds_total") == "2")
        let key = await queue.next()
        clock.advance(by: .seconds(3))
        queue.report()
        #expect(value("depth") == "1" && value("unfinished_work_seconds") == "3" && value("longest_running_processor_seconds") == "3")
        #expect(value("queue_duration_seconds_sum") == "2" && value("queue_duration_seconds_count") == "1")
        // Added while it is worked on: it waits from now on.
        if let key { queue.add(key) }
        clock.advance(by: .seconds(1))
        if let key { queue.done(key) }
        queue.report()
        #expect(value("work_duration_seconds_sum") == "4" && value("depth") == "2" && value("adds_total") == "3" && value("unfinished_work_seconds") == "0")
        queue.addRateLimited("c")
        #expect(value("retries_total") == "1")
    }
}
