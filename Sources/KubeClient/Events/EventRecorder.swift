import Base

/// Tells people what happened to an object, as Events that `kubectl describe` shows. Never holds its caller up, and never fails it: an Event that cannot be written is dropped.
public final class EventRecorder: Sendable {
    public enum Severity: String, Sendable, Hashable {
        case normal = "Normal"
        case warning = "Warning"
    }

    private static let maximumPending = 1000
    /// The API server refuses longer ones.
    private static let maximumMessageBytes = 1024

    private struct State {
        var correlator = EventCorrelator()
        var pending: [EventCorrelator.Occurrence] = []
        var sender: Task<Void, Never>?
    }

    private let client: KubeClient
    private let component: String
    private let instance: String
    private let state = Lock(State())

    /// - Parameters:
    ///   - component: Who reports, such as `levee`.
    ///   - instance: Which of them, such as the pod's name.
    public init(client: KubeClient, component: String = "levee", instance: String = "") {
        self.client = client
        self.component = component
        self.instance = instance
    }

    /// - Parameters:
    ///   - reason: CamelCase, for programs.
    ///   - message: For people; cut at 1024 bytes.
    public func record(_ object: ObjectReference, _ severity: Severity, reason: String, message: String) {
        let occurrence = EventCorrelator.Occurrence(
            object: object, type: severity, reason: reason, message: message.cut(toBytes: Self.maximumMessageBytes - 40))
        state.withLock { state in
            guard state.pending.count < Self.maximumPending else { return }
            state.pending.append(occurrence)
            if state.sender == nil { state.sender = Task { await self.sendPending() } }
        }
    }

    public func record<T: KubeResource>(_ object: T, _ severity: Severity, reason: String, message: String) {
        record(object.objectReference, severity, reason: reason, message: message)
    }

    /// Returns when everything recorded so far has been sent or dropped.
    public func flush() async {
        while let sender = state.withLock({ $0.sender }) { await sender.value }
    }

    private func sendPending() async {
        while true {
            let occurrence = state.withLock { state -> EventCorrelator.Occurrence? in
                if state.pending.isEmpty {
                    state.sender = nil
                    return nil
                }
                return state.pending.removeFirst()
            }
            guard let occurrence else { return }
            let now = client.options.clock.now()
            let name = "\((occurrence.object.name ?? "unknown").prefix(230)).\(String(client.options.random.next(), radix: 16))"
            let decision = state.withLock { $0.correlator.decide(occurrence, now: now, newName: name) }
            do throws(KubeError) {
                try await send(decision, occurrence, now)
            } catch {
                client.options.logger.debug("an event was not written", ["reason": occurrence.reason, "error": error])
            }
        }
    }

    private func send(_ decision: EventCorrelator.Decision, _ occurrence: EventCorrelator.Occurrence, _ now: Timestamp) async throws(KubeError) {
        switch decision {
        case .drop: return
        case .create(let name, let message): try await create(name, message, count: 1, first: now, occurrence, now)
        case .count(let name, let message, let count, let first):
            let key = ObjectKey(namespace: namespace(of: occurrence), name: name)
            let change: JSONValue = [
                "count": .integer(Int64(count)), "lastTimestamp": .string(now.rfc3339Seconds), "message": .string(message),
            ]
            do throws(KubeError) {
                try await client.patch(Event.gvr, key, .merge(change))
            } catch {
                // Events live for an hour or so; a series may outlive its Event.
                guard error.isNotFound else { throw error }
                try await create(name, message, count: count, first: first, occurrence, now)
            }
        }
    }

    private func create(
        _ name: String, _ message: String, count: Int, first: Timestamp, _ occurrence: EventCorrelator.Occurrence, _ now: Timestamp
    ) async throws(KubeError) {
        var event = Event(metadata: ObjectMeta(name: name, namespace: namespace(of: occurrence)), involvedObject: occurrence.object)
        event.reason = occurrence.reason
        event.message = message
        event.type = occurrence.type.rawValue
        event.count = count
        event.firstTimestamp = SecondTime(first)
        event.lastTimestamp = SecondTime(now)
        event.source = Event.Source(component: component)
        event.reportingComponent = component
        event.reportingInstance = instance
        try await client.create(event)
    }

    /// Events about cluster-scoped objects go to `default`.
    private func namespace(of occurrence: EventCorrelator.Occurrence) -> String {
        occurrence.object.namespace.flatMap { $0.isEmpty ? nil : $0 } ?? "default"
    }
}

extension String {
    /// The longest beginning of at most so many bytes that cuts no character.
    fileprivate func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(startIndex, offsetBy: limit - 3)
        while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return self[..<end] + "…"
    }
}
