import Base
import TestSupport
import Testing

@testable import KubeClient

struct EventRecorderTests {
    private static let object = ObjectReference(apiVersion: "v1", kind: "ConfigMap", namespace: "ns", name: "a", uid: "u")
    private static let start = Timestamp(microseconds: 1_700_000_000_000_000)

    private func occurrence(_ message: String, name: String = "a") -> EventCorrelator.Occurrence {
        var object = Self.object
        object.name = name
        return EventCorrelator.Occurrence(object: object, type: .warning, reason: "Failed", message: message)
    }

    @Test func theSameAgainRaisesTheCount() {
        var correlator = EventCorrelator()
        #expect(correlator.decide(occurrence("m"), now: Self.start, newName: "e1") == .create(name: "e1", message: "m"))
        #expect(
            correlator.decide(occurrence("m"), now: Self.start + .seconds(60), newName: "e2") == .count(name: "e1", message: "m", count: 2, first: Self.start))
        #expect(correlator.decide(occurrence("m", name: "b"), now: Self.start, newName: "e3") == .create(name: "e3", message: "m"))
        let later = Self.start + .seconds(700)
        #expect(correlator.decide(occurrence("m"), now: later, newName: "e4") == .create(name: "e4", message: "m"), "a series ends when it pauses")
    }

    @Test func manyAlikeAreCombined() {
        var correlator = EventCorrelator()
        for index in 0..<9 {
            #expect(correlator.decide(occurrence("m\(index)"), now: Self.start, newName: "e\(index)") == .create(name: "e\(index)", message: "m\(index)"))
        }
        #expect(
            correlator.decide(occurrence("m9"), now: Self.start, newName: "e9") == .create(name: "e9", message: "(combined from similar events): m9"))
        #expect(
            correlator.decide(occurrence("m10"), now: Self.start, newName: "e10")
                == .count(name: "e9", message: "(combined from similar events): m10", count: 2, first: Self.start))
    }

    @Test func anObjectThatFloodsIsCutShort() {
        var correlator = EventCorrelator()
        let decisions = (0..<40).map { _ in correlator.decide(occurrence("m"), now: Self.start, newName: "e") }
        #expect(decisions.count { $0 != .drop } == 25)
        #expect(correlator.decide(occurrence("m", name: "b"), now: Self.start, newName: "e") != .drop, "other objects are not affected")
        #expect(correlator.decide(occurrence("m"), now: Self.start + .seconds(301), newName: "e") != .drop, "one more each five minutes")
        #expect(correlator.decide(occurrence("m"), now: Self.start + .seconds(302), newName: "e") == .drop)
    }

    @Test func writesEventsAndSurvivesThatTheyExpire() async throws {
        let server = try ScriptedAPIServer { request, _ in
            request.method == "PATCH" ? .failure(404, "NotFound") : .json(request.body ?? [:], status: 201)
        }
        let clock = ManualClock()
        let recorder = EventRecorder(client: try server.client { $0.clock = clock }, component: "levee", instance: "pod-1")
        recorder.record(Self.object, .normal, reason: "Optimized", message: "300 files became 2")
        await recorder.flush()
        clock.advance(by: .seconds(5))
        recorder.record(Self.object, .normal, reason: "Optimized", message: "300 files became 2")
        await recorder.flush()
        #expect(server.seen.map(\.method) == ["POST", "PATCH", "POST"])
        let event = try JSON.decode(Event.self, from: try #require(server.seen.last?.body))
        #expect(event.count == 2)
        #expect(event.involvedObject.uid == "u")
        #expect(event.metadata.name.hasPrefix("a.") && event.metadata.namespace == "ns")
        #expect(server.seen.last?.body?["firstTimestamp"]?.stringValue == "2023-11-14T22:13:20Z")
        #expect(server.seen.last?.body?["lastTimestamp"]?.stringValue == "2023-11-14T22:13:25Z")
        await server.stop()
    }

    @Test func aServerThatRefusesEventsDoesNoHarm() async throws {
        let server = try ScriptedAPIServer { _, _ in .failure(403, "Forbidden") }
        let recorder = EventRecorder(client: try server.client())
        for index in 0..<30 { recorder.record(Self.object, .warning, reason: "R", message: String(repeating: "é", count: 600) + "\(index)") }
        await recorder.flush()
        #expect(server.seen.count == 25)
        #expect(server.seen.allSatisfy { ($0.body?["message"]?.stringValue?.utf8.count ?? 0) <= 1024 })
        await server.stop()
    }
}
