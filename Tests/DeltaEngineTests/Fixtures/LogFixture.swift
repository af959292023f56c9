import Base
import ObjectStore
import TestSupport

@testable import DeltaEngine

/// A table built action by action in memory.
struct LogFixture {
    let store: InMemoryStore
    let clock: ManualClock
    let table: DeltaTable

    static let schemaString =
        #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}},{"name":"day","type":"date","nullable":true,"metadata":{}}]}"#

    init(wrap: (InMemoryStore) -> any ObjectStore = { $0 }) {
        clock = ManualClock()
        store = InMemoryStore(clock: clock)
        table = DeltaTable(store: wrap(store), environment: EngineEnvironment(clock: clock, random: SeededRandomSource(seed: 1)))
    }

    /// The log of a table that operations have made.
    init(_ fixture: DataFixture) { self.init(store: fixture.store, clock: fixture.clock) }

    init(store: InMemoryStore, clock: ManualClock) {
        self.store = store
        self.clock = clock
        table = DeltaTable(store: store, environment: EngineEnvironment(clock: clock, random: SeededRandomSource(seed: 1)))
    }

    /// A second view on the same table, through another store.
    func table(through store: any ObjectStore, seed: UInt64 = 2) -> DeltaTable {
        DeltaTable(store: store, environment: EngineEnvironment(clock: clock, random: SeededRandomSource(seed: seed)))
    }

    /// Writes a commit of these lines.
    func commit(_ version: Int64, _ lines: [String]) async throws {
        try await put(LogFileName.commitPath(version), lines.joined(separator: "\n") + "\n")
    }

    func put(_ path: String, _ text: String) async throws {
        try await store.put(ObjectPath(path), Bytes(text), mode: .overwrite)
    }

    func text(_ path: String) async throws -> String { try await store.get(ObjectPath(path)).text }

    func delete(_ paths: String...) async throws { _ = try await store.delete(try paths.map { try ObjectPath($0) }) }

    /// Version 0 with protocol and metadata.
    func create(
        protocol: String = #"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#, schema: String = LogFixture.schemaString,
        partitionColumns: [String] = [], configuration: [String: String] = [:]
    ) async throws {
        try await commit(0, [`protocol`, Self.metadata(schema: schema, partitionColumns: partitionColumns, configuration: configuration)])
    }

    static func metadata(
        schema: String = LogFixture.schemaString, partitionColumns: [String] = [], configuration: [String: String] = [:]
    ) -> String {
        JSON.encode([
            "metaData": [
                "id": "11111111-2222-4333-8444-555555555555", "format": ["provider": "parquet", "options": [:]], "schemaString": .string(schema),
                "partitionColumns": .array(partitionColumns.map(JSONValue.string)),
                "configuration": .object(JSONObject(configuration.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) })),
                "createdTime": 1_700_000_000_000,
            ]
        ])
    }

    static func add(
        _ path: String, size: Int64 = 100, partition: [String: String?] = [:], stats: String? = nil, dataChange: Bool = true, vector: String? = nil
    ) -> String {
        var members: JSONObject = [
            "path": .string(path),
            "partitionValues": .object(JSONObject(partition.map { (key: $0.key, value: $0.value.map(JSONValue.string) ?? .null) })),
            "size": .integer(size), "modificationTime": 1_700_000_000_000, "dataChange": .bool(dataChange),
        ]
        members["stats"] = stats.map(JSONValue.string)
        members["deletionVector"] = vector.map {
            ["storageType": "u", "pathOrInlineDv": .string($0), "offset": 1, "sizeInBytes": 36, "cardinality": 2]
        }
        return JSON.encode(["add": .object(members)])
    }

    static func remove(_ path: String, at time: Int64? = 1_700_000_001_000, dataChange: Bool = true, vector: String? = nil) -> String {
        var members: JSONObject = ["path": .string(path), "dataChange": .bool(dataChange)]
        members["deletionTimestamp"] = time.map(JSONValue.integer)
        members["deletionVector"] = vector.map {
            ["storageType": "u", "pathOrInlineDv": .string($0), "offset": 1, "sizeInBytes": 36, "cardinality": 2]
        }
        return JSON.encode(["remove": .object(members)])
    }

    static func txn(_ appId: String, _ version: Int64) -> String { JSON.encode(["txn": ["appId": .string(appId), "version": .integer(version)]]) }

    /// A file to add through a transaction.
    static func file(_ path: String, dataChange: Bool = true) -> AddFile {
        AddFile(path: DataPath(encoded: path), size: 10, modificationTime: 1_700_000_000_000, dataChange: dataChange)
    }
}

extension Snapshot {
    /// The files' paths as in the log, sorted.
    var paths: [String] { files.map(\.path.encoded).sorted() }

    var tombstonePaths: [String] { tombstones.map(\.path.encoded).sorted() }
}

extension Snapshot {
    /// The feature that keeps Levee from doing this; nil where it may.
    func refusedFeature(_ access: Access) throws -> String? {
        do {
            try require(access)
            return nil
        } catch {
            guard case let .unsupportedFeature(feature, _, _) = error else { throw error }
            return feature
        }
    }
}
