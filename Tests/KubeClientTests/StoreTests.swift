import Base
import Testing

@testable import KubeClient

struct StoreTests {
    private func object(_ name: String, _ version: String, namespace: String = "a", labels: [String: String] = [:], uid: String = "") -> ConfigMap {
        var object = ConfigMap(metadata: ObjectMeta(name: name, namespace: namespace, labels: labels))
        object.metadata.resourceVersion = version
        object.metadata.uid = uid
        return object
    }

    private func recorded(_ store: Store<ConfigMap>) -> Lock<[String]> {
        let changes = Lock<[String]>([])
        store.onChange { change in
            changes.withLock { $0.append("\(change.key.name):\(change.old?.metadata.resourceVersion ?? "-")>\(change.new?.metadata.resourceVersion ?? "-")") }
        }
        return changes
    }

    @Test func replacingReportsWhatIsNewChangedAndGone() {
        let store = Store<ConfigMap>()
        let changes = recorded(store)
        store.replace(with: [object("same", "1"), object("changed", "1"), object("gone", "1"), object("recreated", "1", uid: "x")])
        #expect(store.isSynced)
        changes.withLock { $0.removeAll() }
        store.replace(with: [object("same", "1"), object("changed", "2"), object("new", "1"), object("recreated", "1", uid: "y")])
        #expect(changes.withLock { $0 } == ["changed:1>2", "new:->1", "recreated:1>1", "gone:1>-"])
    }

    @Test func findsByNamespaceAndIndex() {
        let store = Store<ConfigMap>(indexes: ["team": { $0.metadata.labels["team"].map { [$0] } ?? [] }])
        store.replace(with: [
            object("one", "1", namespace: "a", labels: ["team": "x"]), object("two", "1", namespace: "b", labels: ["team": "x"]),
            object("three", "1", namespace: "b"),
        ])
        #expect(store.objects(namespace: "b").map(\.metadata.name).sorted() == ["three", "two"])
        #expect(store.objects(index: "team", value: "x").map(\.metadata.name).sorted() == ["one", "two"])
        store.set(object("one", "2", namespace: "a", labels: ["team": "y"]))
        #expect(store.objects(index: "team", value: "x").map(\.metadata.name) == ["two"])
        #expect(store.objects(index: "team", value: "y").map(\.metadata.name) == ["one"])
        store.remove(ObjectKey(namespace: "b", name: "two"))
        #expect(store.objects(index: "team", value: "x").isEmpty)
        #expect(store.objects(namespace: "b").map(\.metadata.name) == ["three"])
        #expect(store.objects(index: "none", value: "x").isEmpty)
    }

    @Test func waitingForTheFirstListCanBeCancelled() async throws {
        let store = Store<ConfigMap>()
        let cancelled = Task { try await store.waitUntilSynced() }
        let waiting = Task { try await store.waitUntilSynced() }
        try await Task.sleep(for: .milliseconds(20))
        cancelled.cancel()
        await #expect(throws: KubeError.cancelled) { try await cancelled.value }
        store.replace(with: [])
        try await waiting.value
        try await store.waitUntilSynced()
    }
}
