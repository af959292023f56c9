import Base
import Columnar
import ObjectStore
import TestSupport

@testable import DeltaEngine

/// A small table in memory of which any number of copies can be made, each with a clock of its own: a trial begins where the last one did. Beside it, in the
/// same store, is room for a clone.
struct SweptTable: Sendable {
    enum Place: String, CaseIterable {
        case table
        case clone

        var location: String { "\(SweptTable.root)/\(rawValue)" }
    }

    let features: DeleteFixture.Features
    /// Has both places as directories: what wraps it sees the requests to either.
    let lake: InMemoryStore
    let clock: ManualClock

    fileprivate static let root = "file:///lake"

    /// The table's own directory.
    var store: any ObjectStore { Self.store(.table, of: lake) }

    /// Three appends of three rows, `id` 0 to 8 in partitions by turns; with deletion vectors, one row marked as deleted.
    init(_ features: DeleteFixture.Features, checkpointInterval: Int) async throws {
        self.features = features
        clock = ManualClock()
        lake = InMemoryStore(clock: clock)
        try await commit(0, Self.creation(features, checkpointInterval: checkpointInterval))
        for start in [0, 3, 6] { try await append(start..<(start + 3)) }
        if features.vectors { _ = try await DeleteOperation(table: table(seed: 90), options: DeleteOptions(condition: "id = 4")).run() }
    }

    private init(features: DeleteFixture.Features, lake: InMemoryStore, clock: ManualClock) {
        self.features = features
        self.lake = lake
        self.clock = clock
    }

    func copy() -> SweptTable {
        let clock = ManualClock(self.clock.now())
        return SweptTable(features: features, lake: InMemoryStore(copying: lake, clock: clock), clock: clock)
    }

    private static func store(_ place: Place, of lake: any ObjectStore) -> any ObjectStore {
        DirectoryStore(lake, directory: place.rawValue, at: place.location)
    }

    /// One of the tables, which may open all of the lake.
    ///
    /// - Parameter other: has the lake's objects in its place.
    func table(_ place: Place = .table, through other: (any ObjectStore)? = nil, seed: UInt64 = 1) -> DeltaTable {
        let lake = other ?? self.lake
        let roots = [Self.root].compactMap { try? TableLocation($0) }
        let outside = OutsideStores(below: roots, reason: "it is no place of the sweep") { location throws(ObjectStoreError) in
            DirectoryStore(lake, directory: roots.first.flatMap { location.path(below: $0) } ?? "", at: location.description)
        }
        // One file at a time is copied, so that a request's number means the same one in each trial.
        let environment = EngineEnvironment(
            clock: clock, random: SeededRandomSource(seed: seed), parallelism: 1, memoryBudget: 2 * ObjectCopy.largestBuffer, outside: outside)
        return DeltaTable(store: Self.store(place, of: lake), environment: environment)
    }

    /// Writes a commit of these lines.
    func commit(_ version: Int64, _ lines: [String]) async throws {
        try await store.put(ObjectPath(LogFileName.commitPath(version)), Bytes(lines.joined(separator: "\n") + "\n"), mode: .overwrite)
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
    func rows(_ place: Place = .table) async throws -> [[Scalar?]]? {
        let table = table(place)
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

    /// Every object of the lake with its bytes: where two are equal, what comes after is as well.
    func objects() async throws -> [ObjectPath: Bytes] {
        var objects: [ObjectPath: Bytes] = [:]
        for object in try await lake.list(prefix: "", startAfter: nil).all() { objects[object.path] = try await lake.get(object.path) }
        return objects
    }

    /// All files of the lake but logs, manifests, and what a source notes of its clones.
    func dataFiles() async throws -> Set<String> {
        let others = Place.allCases.flatMap { place in ["_delta_log/", SymlinkManifest.directory, CloneMarker.directory].map { "\(place.rawValue)/\($0)" } }
        return Set(try await lake.list(prefix: "", startAfter: nil).all().map(\.path.string).filter { path in !others.contains { path.hasPrefix($0) } })
    }

    /// The files that the tables refer to, with their deletion vectors.
    func liveFiles() async throws -> Set<String> {
        var files: Set<String> = []
        for place in try await tables() {
            let table = table(place)
            for file in try await table.snapshot().files {
                for path in [file.path, try file.deletionVector?.path].compactMap(\.self) {
                    let found = try table.files.place(of: path)
                    files.insert(found.isOutside ? found.path.string : "\(place.rawValue)/\(found.path)")
                }
            }
        }
        return files
    }

    /// Where tables are.
    func tables() async throws -> [Place] {
        var places: [Place] = []
        for place in Place.allCases where try await table(place).exists() { places.append(place) }
        return places
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
