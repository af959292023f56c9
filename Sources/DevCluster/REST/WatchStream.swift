import Base
import HTTP

/// The body of a watch: one JSON object a line, for as long as the client or its timeout wants.
final class WatchStream: ResponseStream {
    private struct State {
        var pending: [JSONValue] = []
        var isFinished = false
        var ticker: Task<Void, Never>?
        var lastBookmark: Timestamp
    }

    private static let bookmarkInterval = Duration.seconds(50)

    private let api: ClusterAPI
    private let rendering: ObjectRendering
    private let query: ListQuery
    private let watch: ClusterStore.Watch
    private let allowsBookmarks: Bool
    private let deadline: Timestamp
    private let state: Lock<State>

    private var definition: ResourceDefinition { rendering.definition }

    /// - Parameter sendsInitialEnd: Whether a bookmark marks the end of the initial events (`sendInitialEvents=true`).
    init(
        _ api: ClusterAPI, _ rendering: ObjectRendering, _ query: ListQuery, _ watch: ClusterStore.Watch, allowsBookmarks: Bool, sendsInitialEnd: Bool,
        timeout: Duration
    ) {
        self.api = api
        self.rendering = rendering
        self.query = query
        self.watch = watch
        self.allowsBookmarks = allowsBookmarks
        deadline = api.now + timeout
        state = Lock(State(lastBookmark: api.now))
        var initial: [JSONValue] = []
        for stored in watch.initial where query.covers(definition.key(stored.namespace, stored.name)) {
            let object = api.read(definition, stored)
            if query.selects(object) { initial.append(event("ADDED", object)) }
        }
        if sendsInitialEnd { initial.append(bookmark(watch.revision, annotations: ["k8s.io/initial-events-end": "true"])) }
        let channel = watch.channel
        let clock = api.clock
        let ticker = Task {
            while !Task.isCancelled {
                try? await clock.sleep(for: .seconds(1))
                channel.poke()
            }
        }
        let lines = initial
        state.withLock { state in
            state.pending = lines
            state.ticker = ticker
        }
    }

    func next() async -> Bytes? {
        while !Task.isCancelled {
            let (ready, isFinished) = state.withLock { state in
                defer { state.pending = [] }
                return (state.pending, state.isFinished)
            }
            if !ready.isEmpty { return Self.lines(ready) }
            if isFinished { return nil }
            switch await watch.channel.take() {
            case .ended: return nil
            case .nothing:
                if api.now >= deadline { return nil }
                if let bookmark = dueBookmark() { return Self.lines([bookmark]) }
            case let .events(events):
                let lines = events.compactMap(line)
                if !lines.isEmpty { return Self.lines(lines) }
            }
        }
        return nil
    }

    func closed() {
        state.withLock { state in
            state.ticker?.cancel()
            state.isFinished = true
        }
        api.store.unwatch(definition.storage, watch.channel)
    }

    private static func lines(_ values: [JSONValue]) -> Bytes {
        Bytes(values.map { JSON.encode($0) + "\n" }.joined())
    }

    private func event(_ type: String, _ object: JSONValue) -> JSONValue { ["type": .string(type), "object": rendering.object(object)] }

    /// An event as this watch sees it: what its selector did not match before is new to it, what it no longer matches is gone.
    private func line(_ stored: StoreEvent) -> JSONValue? {
        guard query.covers(stored.key) else { return nil }
        let new = stored.kind == .deleted ? Optional<JSONValue>.none : selected(stored.object)
        let old = stored.previous.flatMap(selected)
        switch (old, new) {
        case (nil, nil): return nil
        case let (nil, new?): return event("ADDED", new)
        case let (_?, new?): return event("MODIFIED", new)
        case (var last?, nil):
            last.setMeta("resourceVersion", .string("\(stored.revision)"))
            return event("DELETED", last)
        }
    }

    private func selected(_ stored: JSONValue) -> JSONValue? {
        let object = api.read(definition, stored)
        return query.selects(object) ? Optional(object) : nil
    }

    private func dueBookmark() -> JSONValue? {
        guard allowsBookmarks, api.now - state.withLock({ $0.lastBookmark }) >= Self.bookmarkInterval,
            let revision = api.store.settledRevision(watch.channel)
        else { return nil }
        let now = api.now
        state.withLock { $0.lastBookmark = now }
        return bookmark(revision, annotations: [:])
    }

    private func bookmark(_ revision: UInt64, annotations: JSONObject) -> JSONValue {
        var metadata: JSONObject = ["resourceVersion": .string("\(revision)"), "creationTimestamp": .null]
        if !annotations.isEmpty { metadata["annotations"] = .object(annotations) }
        let object: JSONValue = ["kind": .string(definition.kind), "apiVersion": .string(definition.apiVersion), "metadata": .object(metadata)]
        return event("BOOKMARK", object)
    }
}

/// A watch that can only say that it starts too early.
final class ExpiredWatchStream: ResponseStream {
    private let isSent = Lock(false)
    private let line: Bytes

    init(_ error: APIError) {
        line = Bytes(JSON.encode(["type": "ERROR", "object": error.body]) + "\n")
    }

    func next() async -> Bytes? {
        let isFirst = isSent.withLock { sent in
            defer { sent = true }
            return !sent
        }
        return isFirst ? line : nil
    }

    func closed() {}
}
