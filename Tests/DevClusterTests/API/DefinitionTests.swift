import Base
import Foundation
import TestSupport
import Testing

@testable import DevCluster

private let gadgets: JSONValue = [
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": ["name": "gadgets.test.levee.dev"],
    "spec": [
        "group": "test.levee.dev", "scope": "Namespaced", "names": ["kind": "Gadget", "plural": "gadgets"],
        "versions": [["name": "v1", "served": true, "storage": true, "schema": ["openAPIV3Schema": ["type": "object"]]]],
    ],
]

/// kubectl waits for the event of a deletion and expects the resource to be gone then; the event is out before the change is synced to disk.
@Test func whoSeesADefinitionComeOrGoFindsItsResourcesServedOrNot() async throws {
    let directory = "\(NSTemporaryDirectory())levee-definitions-\(UUID.v4())"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let store = try ClusterStore(directory: directory)
    let api = ClusterAPI(store: store, registry: ResourceRegistry(), clock: SystemClock(), random: SystemRandomSource())
    let definitions = try #require(api.registry.find(storage: ClusterAPI.definitions))
    let watch = try #require(store.watch(ClusterAPI.definitions, from: .current))
    let (seen, continuation) = AsyncStream<String>.makeStream()
    let watcher = Task {
        while case let .events(events) = await watch.channel.take() {
            for event in events {
                continuation.yield("\(event.kind) \(api.registry.find(group: "test.levee.dev", version: "v1", plural: "gadgets") != nil)")
            }
        }
    }
    var answers = seen.makeAsyncIterator()
    let key = definitions.key("", "gadgets.test.levee.dev")
    let created = try await store.write(key, .object(gadgets), expecting: .absent)
    #expect(await answers.next() == "added true")
    _ = try await store.write(key, .removed, expecting: .version(created.resourceVersion))
    #expect(await answers.next() == "deleted false")
    watch.channel.end()
    await watcher.value
}
