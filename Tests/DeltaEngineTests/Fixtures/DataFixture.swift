import Base
import Columnar
import ObjectStore
import TestSupport

@testable import DeltaEngine

/// A table with rows, made by the engine's own operations, in memory.
struct DataFixture {
    let store: InMemoryStore
    let clock = ManualClock()
    let table: DeltaTable

    static let schema = Schema([Field("id", .long, nullable: false), Field("p", .string), Field("text", .string)])

    init(partitionBy: [String] = [], properties: [String: String] = [:]) async throws {
        store = InMemoryStore(clock: clock)
        table = DeltaTable(store: store, environment: EngineEnvironment(clock: clock, random: SeededRandomSource(seed: 1)))
        _ = try await CreateOperation(
            table: table, options: CreateOptions(schema: Self.schema, partitionColumns: partitionBy, properties: properties)
        ).run()
    }

    /// The same table through another store.
    func table(through store: any ObjectStore, seed: UInt64 = 2) -> DeltaTable {
        DeltaTable(store: store, environment: EngineEnvironment(clock: clock, random: SeededRandomSource(seed: seed)))
    }

    /// Appends rows `ids` in one commit, their partitions by turns of three.
    func append(_ ids: Range<Int>, to other: DeltaTable? = nil) async throws {
        try await append(lines: ids.map { #"{"id":\#($0),"p":"p\#($0 % 3)","text":"row \#($0)"}"# }, to: other)
    }

    /// Appends rows, each as JSON.
    func append(lines: [String], to other: DeltaTable? = nil) async throws {
        let input = InMemoryStore()
        let path = try ObjectPath("rows.json")
        try await input.put(path, Bytes(lines.joined(separator: "\n")), mode: .overwrite)
        clock.advance(by: .seconds(1))
        _ = try await WriteOperation(table: other ?? table, input: WriteInput(store: input, path: path, format: .jsonLines)).run()
    }

    /// The ids of all rows, sorted.
    func ids() async throws -> [Int64] {
        let reader = try TableReader(table: table, snapshot: try await table.snapshot(), options: ReadOptions(columns: ["id"]))
        var ids: [Int64] = []
        while let batch = try await reader.next() {
            for row in 0..<batch.rowCount { if case let .integer(id) = batch.columns[0].value(at: row) { ids.append(id) } }
        }
        return ids.sorted()
    }

    /// The paths of all data files in the store.
    func dataFiles() async throws -> Set<String> {
        Set(try await store.list(prefix: "", startAfter: nil).all().map(\.path.string).filter { !$0.hasPrefix("_delta_log/") })
    }

    /// The paths of the table's files.
    func liveFiles() async throws -> Set<String> { Set(try await table.snapshot().files.map(\.path.decoded)) }

    /// The paths of all files that any version has had, those of deletion vectors and of changes too.
    func everyFile(upTo latest: Int64) async throws -> Set<String> {
        var paths: Set<String> = []
        for version in 0...latest {
            let commit = try CommitReader.read(try await store.get(ObjectPath(LogFileName.commitPath(version))), version: version)
            for action in commit.actions {
                switch action {
                case let .add(file):
                    paths.insert(file.path.decoded)
                    if let vector = try file.deletionVector?.path { paths.insert(vector.decoded) }
                case let .changeData(file): paths.insert(file.path.decoded)
                default: continue
                }
            }
        }
        return paths
    }
}
