import Base
import ObjectStore

@testable import DeltaEngine

/// A directory of another store as a store of its own, which says where it is: tables that lie in one store beside each other.
final class DirectoryStore: ObjectStore {
    private let store: any ObjectStore
    private let prefix: String
    let rootDescription: String
    var winsPathsInParts: Bool { store.winsPathsInParts }

    /// - Parameters:
    ///   - directory: below the other store's root; empty for all of it.
    ///   - location: of the directory.
    init(_ store: any ObjectStore, directory: String, at location: String) {
        self.store = store
        prefix = directory.isEmpty ? "" : "\(directory)/"
        rootDescription = location
    }

    private func outer(_ path: ObjectPath) throws -> ObjectPath { try ObjectPath(prefix + path.string) }

    private func inner(_ info: ObjectInfo) throws -> ObjectInfo {
        ObjectInfo(path: try ObjectPath(String(info.path.string.dropFirst(prefix.count))), sizeInBytes: info.sizeInBytes, modified: info.modified)
    }

    /// An error says the path that was asked for.
    private func naming<Result>(_ path: ObjectPath, _ body: (ObjectPath) async throws -> Result) async throws -> Result {
        do {
            return try await body(outer(path))
        } catch ObjectStoreError.notFound {
            throw ObjectStoreError.notFound(path: path.string)
        } catch ObjectStoreError.alreadyExists {
            throw ObjectStoreError.alreadyExists(path: path.string)
        }
    }

    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws { try await naming(path) { try await store.put($0, bytes, mode: mode) } }
    func head(_ path: ObjectPath) async throws -> ObjectInfo { try await naming(path) { try inner(try await store.head($0)) } }
    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes { try await naming(path) { try await store.get($0, range: range) } }
    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] { try await naming(path) { try await store.get($0, ranges: ranges) } }
    func write(_ path: ObjectPath) async throws -> any ObjectWriter { try await naming(path) { try await store.write($0) } }

    func list(prefix: String, startAfter: String?) -> any ObjectListing {
        Listing(listing: store.list(prefix: self.prefix + prefix, startAfter: startAfter.map { self.prefix + $0 }), info: inner)
    }

    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] { try await store.delete(try paths.map(outer)) }

    private final class Listing: ObjectListing {
        private let listing: any ObjectListing
        private let info: @Sendable (ObjectInfo) throws -> ObjectInfo

        init(listing: any ObjectListing, info: @escaping @Sendable (ObjectInfo) throws -> ObjectInfo) {
            self.listing = listing
            self.info = info
        }

        func next() async throws -> [ObjectInfo]? { try await listing.next()?.map(info) }
    }
}
