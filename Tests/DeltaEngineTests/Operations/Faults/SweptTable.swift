import Base
import Columnar
import ObjectStore
import TestSupport

@testable import DeltaEngine

/// A small table in memory of which any number of copies can be made, each with a clock of its own: a trial begins where the last one did.
struct SweptTable: Sendable {
    let features: DeleteFixture.Features
    let store: InMemoryStore
    let clock: ManualClock

    /// Three appends of three rows, `id` 0 to 8 in partitions by turns; with deletion vectors, one row marked as deleted.
    init(_ features: DeleteFixture.Features, checkpointInterval: Int) async throws {
        self.features = features
        clock = ManualClock()
        store = InMemoryStore(clock: clock)
        let log = LogFixture(store: store, clock: clock)
        try await log.commit(0, Self.creation(features, checkpointInterval: checkpointInterval))
        for start in [0, 3, 6] { try await append(start..<(start + 3)) }
        if features.vectors { _ = try await DeleteOperation(table: table(seed: 90), options: DeleteOptions(condition: "id = 4")).run() }
    }

    private init(features: DeleteFixture.Features, store: InMemoryStore, clock: ManualClock) {
        self.features = features
        self.store = store
        self.clock = clock
    }

    func copy() -> SweptTable {
        let clock = ManualClock(self.clock.now())
        return SweptTable(features: features, store: InMemoryStore(copying: store, clock: clock), clock: clock)
    }

    func table(through other: (any ObjectStore)? = nil, seed: UInt64 = 1) -> DeltaTable {
        DeltaTable(store: other ?? store, environment: EngineEnvironment(clock: clock, random: SeededRandomSource(seed: seed), parallelism: 1))
    }

    static func rows(_ ids: Range<Int>) async throws -> WriteInput {
        let input = InMemoryStore()
        let path = try ObjectPath("rows.json")
        let lines = ids.map { #"{"id":\#($0),"p":"p\#($0 % 3)","text":"row \#($0)"}"# }
        try await input.put(path, Bytes(lines.joined(separator: "\n")), mode: .overwrite)
        return WriteInput(store: input, path: path, format: .jsonLines)
    }

    func append(_ ids: Range<Int>) async throws {
        clock.advance(by: .seconds(1))
        // Each append has names of its own for its files.
        _ = try await WriteOperation(table: table(seed: UInt64(ids.lowerBound) + 100), input: try await Self.rows(ids)).run()
    }

    /// All rows; nil where the table cannot be read.
    func rows() async throws -> [[Scalar?]]? {
        let table = table()
        var rows: [[Scalar?]] = []
        do {
            let reader = try TableReader(table: table, snapshot: try await table.snapshot(), options: ReadOptions())
            while let batch = try await reader.next() {
                for row in 0..<batch.rowCount { rows.append(batch.columns.map { $0.value(at: row) }) }
            }
        } catch is DeltaError {
            return nil
        }
        return rows.sorted { "\($0)" < "\($1)" }
    }

    /// Every object with its bytes: where two are equal, what comes after is as well.
    func objects() async throws -> [ObjectPath: Bytes] {
        var objects: [ObjectPath: Bytes] = [:]
        for object in try await store.list(prefix: "", startAfter: nil).all() { objects[object.path] = try await store.get(object.path) }
        return objects
    }

    /// All files but the log and what is hidden from vacuum.
    func dataFiles() async throws -> Set<String> {
        Set(
            try await store.list(prefix: "", startAfter: nil).all().map(\.path.string).filter {
                !$0.hasPrefix("_delta_log/") && !$0.hasPrefix(SymlinkManifest.directory)
            })
    }

    /// The files that the table refers to, with their deletion vectors.
    func liveFiles() async throws -> Set<String> {
        var files: Set<String> = []
        for file in try await table().snapshot().files {
            files.insert(file.path.decoded)
            if let vector = try file.deletionVector?.path { files.insert(vector.decoded) }
        }
        return files
    }

    private static func creation(_ features: DeleteFixture.Features, checkpointInterval: Int) -> [String] {
        var configuration = ["delta.checkpointInterval": String(checkpointInterval)]
        if features.vectors { configuration["delta.enableDeletionVectors"] = "true" }
        if features.feed { configuration["delta.enableChangeDataFeed"] = "true" }
        if features.tracking {
            configuration["delta.enableRowTracking"] = "true"
            configuration["delta.rowTracking.materializedRowIdColumnName"] = "_row-id"
            configuration["delta.rowTracking.materializedRowCommitVersionColumnName"] = "_row-version"
        }
        if features.mapping != "none" {
            configuration["delta.columnMapping.mode"] = features.mapping
            configuration["delta.columnMapping.maxColumnId"] = "3"
        }
        if features.times {
            configuration["delta.enableInCommitTimestamps"] = "true"
            configuration["delta.checkpointPolicy"] = "v2"
        }
        let readers = ["deletionVectors", "columnMapping", "v2Checkpoint"]
        var writers = readers + ["changeDataFeed", "domainMetadata"]
        if features.tracking { writers.append("rowTracking") }
        if features.times { writers.append("inCommitTimestamp") }
        let action: JSONValue = [
            "protocol": [
                "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": .array(readers.map(JSONValue.string)),
                "writerFeatures": .array(writers.map(JSONValue.string)),
            ]
        ]
        let fields = [Field("id", .long), Field("p", .string), Field("text", .string)].enumerated().map { place, field in
            var field = field
            if features.mapping != "none" {
                field.metadata["delta.columnMapping.id"] = .integer(Int64(place) + 1)
                field.metadata["delta.columnMapping.physicalName"] = .string("col-\(place + 1)")
            }
            return field
        }
        let metadata = LogFixture.metadata(
            schema: SchemaJSON.encode(Schema(fields)), partitionColumns: features.partitioned ? ["p"] : [], configuration: configuration)
        return [#"{"commitInfo":{"inCommitTimestamp":1000,"operation":"CREATE TABLE"}}"#, JSON.encode(action), metadata]
    }
}
