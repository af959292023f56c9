import Base
import ObjectStore

@testable import DeltaEngine

/// A store in memory that says it is somewhere, so that other tables' logs can name its files.
final class NamedStore: ObjectStore {
    private let store: any ObjectStore
    let rootDescription: String
    var winsPathsInParts: Bool { store.winsPathsInParts }

    init(_ store: any ObjectStore, at location: String) {
        self.store = store
        rootDescription = location
    }

    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws { try await store.put(path, bytes, mode: mode) }
    func head(_ path: ObjectPath) async throws -> ObjectInfo { try await store.head(path) }
    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes { try await store.get(path, range: range) }
    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] { try await store.get(path, ranges: ranges) }
    func write(_ path: ObjectPath) async throws -> any ObjectWriter { try await store.write(path) }
    func list(prefix: String, startAfter: String?) -> any ObjectListing { store.list(prefix: prefix, startAfter: startAfter) }
    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] { try await store.delete(paths) }
}

/// Tables at places by name, which may refer to each other's files and to nothing else.
struct NamedTables {
    let clock: any WallClock
    private let places = Lock<[String: any ObjectStore]>([:])

    init(clock: any WallClock) { self.clock = clock }

    /// A table of its own, or what a store holds.
    func table(_ name: String, _ store: (any ObjectStore)? = nil, seed: UInt64 = 7) -> DeltaTable {
        let location = "file:///lake/\(name)"
        let named = NamedStore(store ?? InMemoryStore(clock: clock), at: location)
        let stores = places.withLock { places in
            places[location] = named
            return places
        }
        let roots = stores.keys.compactMap { try? TableLocation($0) }
        let outside = OutsideStores(below: roots, reason: "it is no place of this test") { (location: TableLocation) throws(ObjectStoreError) in
            guard let store = stores[location.description] else { throw .unsupportedLocation(location: location.description, reason: "no place of the test") }
            return store
        }
        return DeltaTable(store: named, environment: EngineEnvironment(clock: clock, random: SeededRandomSource(seed: seed), outside: outside))
    }
}
