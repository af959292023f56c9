import Base

/// What is known of a collection: the objects as a ``Reflector`` saw them last. It lags behind the server; decisions that must not be taken twice need a write that
/// the server checks.
public final class Store<Object: KubeResource>: Sendable {
    /// The values under which an object is to be found, such as the names that it refers to.
    public typealias Index = @Sendable (Object) -> [String]

    private struct State {
        var objects: [ObjectKey: Object] = [:]
        var byNamespace: [String: Set<ObjectKey>] = [:]
        /// By index name, then by value.
        var byIndex: [String: [String: Set<ObjectKey>]] = [:]
        var isSynced = false
        var syncWaiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter = 0
        var handlers: [@Sendable (StoreChange<Object>) -> Void] = []
    }

    private let indexes: [String: Index]
    private let state = Lock(State())

    /// - Parameter indexes: By name; see ``objects(index:value:)``.
    public init(indexes: [String: Index] = [:]) {
        self.indexes = indexes
    }

    public subscript(key: ObjectKey) -> Object? { state.withLock { $0.objects[key] } }

    public var count: Int { state.withLock { $0.objects.count } }

    /// All objects, in no order.
    public var objects: [Object] { state.withLock { Array($0.objects.values) } }

    public var keys: [ObjectKey] { state.withLock { Array($0.objects.keys) } }

    public func objects(namespace: String) -> [Object] {
        state.withLock { state in (state.byNamespace[namespace] ?? []).compactMap { state.objects[$0] } }
    }

    /// The objects that the index put under `value`.
    public func objects(index: String, value: String) -> [Object] {
        state.withLock { state in (state.byIndex[index]?[value] ?? []).compactMap { state.objects[$0] } }
    }

    /// Whether a whole list has been seen: only then does a missing object mean that there is none.
    public var isSynced: Bool { state.withLock { $0.isSynced } }

    /// Returns when ``isSynced``; throws when the task is cancelled before.
    public func waitUntilSynced() async throws(KubeError) {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.isSynced || Task.isCancelled { return true }
                    state.syncWaiters[id] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.syncWaiters.removeValue(forKey: id) }?.resume()
        }
        if !isSynced { throw .cancelled }
    }

    /// Calls `handler` for every change from now on, in one of the reflector's tasks: it should only take note of it, as by adding a key to a queue.
    public func onChange(_ handler: @escaping @Sendable (StoreChange<Object>) -> Void) {
        state.withLock { $0.handlers.append(handler) }
    }

    /// Puts `objects` in the place of all there was, at once. Objects that are gone are reported as such: their deletion may not have been watched.
    public func replace(with objects: [Object]) {
        let (changes, waiters) = state.withLock { state in
            let old = state.objects
            var changes: [StoreChange<Object>] = []
            state.objects = [:]
            state.byNamespace = [:]
            state.byIndex = [:]
            for object in objects {
                let before = old[object.key]
                insert(object, &state)
                if before?.metadata.resourceVersion != object.metadata.resourceVersion || before?.metadata.uid != object.metadata.uid {
                    changes.append(StoreChange(key: object.key, old: before, new: object))
                }
            }
            for (key, object) in old where state.objects[key] == nil { changes.append(StoreChange(key: key, old: object, new: nil)) }
            state.isSynced = true
            defer { state.syncWaiters = [:] }
            return (changes, Array(state.syncWaiters.values))
        }
        report(changes)
        waiters.forEach { $0.resume() }
    }

    /// Adds or replaces one object. The same version again, as after a broken watch, is no change.
    public func set(_ object: Object) {
        let change = state.withLock { state -> StoreChange<Object>? in
            let before = state.objects[object.key]
            if let before, before.metadata.resourceVersion == object.metadata.resourceVersion, before.metadata.uid == object.metadata.uid { return nil }
            if let before { remove(before, &state) }
            insert(object, &state)
            return StoreChange(key: object.key, old: before, new: object)
        }
        report(change.map { [$0] } ?? [])
    }

    /// Removes one object, if it is there.
    public func remove(_ key: ObjectKey) {
        let change = state.withLock { state -> StoreChange<Object>? in
            guard let before = state.objects[key] else { return nil }
            remove(before, &state)
            return StoreChange(key: key, old: before, new: nil)
        }
        report(change.map { [$0] } ?? [])
    }

    /// Reports all objects as they are, once a whole list has been seen.
    public func resync() {
        let objects = state.withLock { $0.isSynced ? Array($0.objects.values) : [] }
        report(objects.map { StoreChange(key: $0.key, old: $0, new: $0, isResync: true) })
    }

    private func insert(_ object: Object, _ state: inout State) {
        let key = object.key
        state.objects[key] = object
        state.byNamespace[key.namespace, default: []].insert(key)
        for (name, values) in indexes {
            for value in values(object) { state.byIndex[name, default: [:]][value, default: []].insert(key) }
        }
    }

    private func remove(_ object: Object, _ state: inout State) {
        let key = object.key
        state.objects[key] = nil
        state.byNamespace[key.namespace]?.remove(key)
        if state.byNamespace[key.namespace]?.isEmpty ?? false { state.byNamespace[key.namespace] = nil }
        for (name, values) in indexes {
            for value in values(object) {
                state.byIndex[name]?[value]?.remove(key)
                if state.byIndex[name]?[value]?.isEmpty ?? false { state.byIndex[name]?[value] = nil }
            }
        }
    }

    private func report(_ changes: [StoreChange<Object>]) {
        guard !changes.isEmpty else { return }
        let handlers = state.withLock { $0.handlers }
        for change in changes { handlers.forEach { $0(change) } }
    }
}
