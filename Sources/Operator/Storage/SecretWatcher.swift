import Base
import KubeClient

/// Reads the secrets that profiles name one by one, when they are needed, and watches of each nothing but its metadata, to hear of changes.
///
/// So the operator needs no list of a namespace's secrets, and holds of no secret more than a store's own credentials. Its role may be limited to the
/// secrets' names: get, list and watch with `resourceNames`.
final class SecretWatcher: SecretReading {
    private struct Watch {
        var store: Store<SecretMetadata>
        var task: Task<Void, Never>
    }

    private struct State {
        /// By who asked for them.
        var wanted: [String: Set<ObjectKey>] = [:]
        var watches: [ObjectKey: Watch] = [:]
        var handlers: [@Sendable (ObjectKey) -> Void] = []
    }

    private let client: KubeClient
    private let state = Lock(State())

    init(client: KubeClient) { self.client = client }

    /// Calls `handler` when a watched secret came, changed or went.
    func onChange(_ handler: @escaping @Sendable (ObjectKey) -> Void) { state.withLock { $0.handlers.append(handler) } }

    func secret(_ key: ObjectKey) async throws(KubeError) -> Secret? { try await client.find(Secret.self, key) }

    func known(_ key: ObjectKey) -> KnownSecret {
        guard let store = state.withLock({ $0.watches[key]?.store }), store.isSynced else { return .unknown }
        return store[key].map { .version($0.metadata.resourceVersion) } ?? .absent
    }

    /// Watches these and no others, as far as `owner` is asked.
    func watch(_ keys: Set<ObjectKey>, for owner: String) {
        let ended = state.withLock { state in
            state.wanted[owner] = keys
            let all = state.wanted.values.reduce(into: Set<ObjectKey>()) { $0.formUnion($1) }
            let ended = state.watches.filter { !all.contains($0.key) }
            for key in ended.keys { state.watches[key] = nil }
            for key in all where state.watches[key] == nil { state.watches[key] = start(key) }
            return ended.values.map(\.task)
        }
        ended.forEach { $0.cancel() }
    }

    /// Ends all watches.
    func stop() async {
        let all = state.withLock { state in
            defer { state.watches = [:] }
            return state.watches.values.map(\.task)
        }
        all.forEach { $0.cancel() }
        for task in all { await task.value }
    }

    private func start(_ key: ObjectKey) -> Watch {
        let store = Store<SecretMetadata>()
        store.onChange { [weak self] _ in self?.report(key) }
        var options = Reflector<SecretMetadata>.Options()
        options.namespace = key.namespace
        options.fieldSelector = "metadata.name=\(key.name)"
        options.metadataOnly = true
        let reflector = Reflector(client: client, store: store, options: options)
        return Watch(store: store, task: Task { await reflector.run() })
    }

    private func report(_ key: ObjectKey) {
        for handler in state.withLock({ $0.handlers }) { handler(key) }
    }
}
