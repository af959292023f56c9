import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport

@testable import DeltaEngine

/// The layouts of a checkpoint that the protocol knows ("Checkpoints"); Levee reads all of them and writes two.
enum CheckpointLayout: CaseIterable {
    case classic
    case multiPart
    /// A V2 checkpoint in one Parquet file.
    case uuidNamed
    case parquetManifest
    case jsonManifest
    case jsonManifestWithSidecars

    private static let metadata = Field("checkpointMetadata", .structure([Field("version", .long)]))
    private static let sidecar = Field(
        "sidecar", .structure([Field("path", .string), Field("sizeInBytes", .long), Field("modificationTime", .long)]))

    /// Writes the snapshot's checkpoint in this layout, the actions in random order where it has several files, and returns the name by which a listing
    /// knows it.
    func write(_ snapshot: Snapshot, _ log: LogFixture, _ random: SeededRandomSource) async throws -> LogFileName {
        let version = snapshot.version
        let digits = LogFileName.commitPath(version).replacing(".json", with: "")
        let uuid = UUID.v4(random)
        let now = log.clock.now()
        let schema = CheckpointSchema(snapshot.metadata)
        let rows = CheckpointRows(snapshot, schema, now: now)
        var batches: [ColumnBatch] = []
        _ = try await rows.forEachBatch(tasks: 1) { batches.append($0) }
        let (files, others) = (Self.only(["add", "remove"], batches), Self.only(["txn", "metaData", "protocol", "domainMetadata"], batches))

        switch self {
        case .classic:
            try await Self.put(batches, LogFileName.classicCheckpointPath(version), log)
            return .classicCheckpoint(version: version)
        case .multiPart:
            let count = 2 + random.integer(below: 3)
            for (part, content) in Self.deal(batches, among: count, random).enumerated() {
                let number = { (value: Int) in String(repeating: "0", count: 10 - String(value).count) + String(value) }
                try await Self.put(content, "\(digits).checkpoint.\(number(part + 1)).\(number(count)).parquet", log, schema.fields)
            }
            return .checkpointPart(version: version, part: 1, of: count)
        case .uuidNamed:
            try await Self.put(Self.widen(batches, [(Self.metadata, [[.integer(version)]])]), "\(digits).checkpoint.\(uuid).parquet", log)
            return .uuidCheckpoint(version: version, isJSON: false)
        case .parquetManifest:
            let sidecars = try await Self.putSidecars(files, snapshot, schema, log, random)
            let values = sidecars.map { [Scalar.string(String($0.path.string.split(separator: "/").last ?? "")), .integer($0.sizeInBytes), .integer(1)] }
            try await Self.put(
                Self.widen(others, [(Self.metadata, [[.integer(version)]]), (Self.sidecar, values)]), "\(digits).checkpoint.\(uuid).parquet", log)
            return .uuidCheckpoint(version: version, isJSON: false)
        case .jsonManifest, .jsonManifestWithSidecars:
            let sidecars = self == .jsonManifest ? [] : try await Self.putSidecars(files, snapshot, schema, log, random)
            let manifest = CheckpointManifest.encode(snapshot, transactions: rows.transactions, sidecars: sidecars, now: now)
            let inline = self == .jsonManifest ? Self.json(snapshot) : []
            try await log.put(LogFileName.manifestPath(version, uuid), manifest.text + inline.map { $0 + "\n" }.joined())
            return .uuidCheckpoint(version: version, isJSON: true)
        }
    }

    /// The file actions as a commit has them.
    private static func json(_ snapshot: Snapshot) -> [String] {
        snapshot.files.map { JSON.encode(["add": $0.add.json]) }
            + snapshot.tombstones.map { LogFixture.remove($0.path.encoded, vector: $0.deletionVector?.pathOrInlineDv) }
    }

    /// The rows that hold one of these actions, with only their columns.
    private static func only(_ names: [String], _ batches: [ColumnBatch]) -> [ColumnBatch] {
        batches.compactMap { batch in
            let positions = batch.schema.fields.indices.filter { names.contains(batch.schema.fields[$0].name) }
            return positions.contains { !batch.columns[$0].isNull(at: 0) } ? batch.selecting(positions) : nil
        }
    }

    /// The batches with further columns, and behind them the rows that have these.
    private static func widen(_ batches: [ColumnBatch], _ additions: [(field: Field, rows: [[Scalar?]])]) throws -> [ColumnBatch] {
        guard let fields = batches.first?.schema.fields else { return [] }
        let schema = Schema(fields + additions.map(\.field))
        var result = try batches.map { batch in
            try ColumnBatch(
                schema: schema, columns: batch.columns + additions.map { .nulls($0.field.type, count: batch.rowCount) }, rowCount: batch.rowCount)
        }
        for (field, rows) in additions where !rows.isEmpty {
            let builder = ColumnBuilder(type: field.type)
            for row in rows { try builder.append(.structure(row)) }
            let column = builder.finish()
            let columns = schema.fields.map { $0.name == field.name ? column : .nulls($0.type, count: rows.count) }
            result.append(try ColumnBatch(schema: schema, columns: columns, rowCount: rows.count))
        }
        return result
    }

    /// The rows, a few at a time, to `count` files, of which some may stay empty.
    private static func deal(_ batches: [ColumnBatch], among count: Int, _ random: SeededRandomSource) -> [[ColumnBatch]] {
        var parts = [[ColumnBatch]](repeating: [], count: count)
        for batch in batches {
            var start = 0
            while start < batch.rowCount {
                let end = start + 1 + random.integer(below: 12)
                parts[random.integer(below: count)].append(batch.slice(start..<end))
                start = end
            }
        }
        return parts
    }

    private static func putSidecars(
        _ files: [ColumnBatch], _ snapshot: Snapshot, _ schema: CheckpointSchema, _ log: LogFixture, _ random: SeededRandomSource
    ) async throws -> [Sidecar] {
        guard !files.isEmpty else { return [] }
        var sidecars: [Sidecar] = []
        for part in deal(files, among: 1 + random.integer(below: 3), random) {
            let path = "\(Sidecar.directory)\(UUID.v4(random)).parquet"
            let size = try await put(part, path, log, [schema.add, CheckpointSchema.remove])
            sidecars.append(Sidecar(path: try ObjectPath(path), sizeInBytes: size))
        }
        return sidecars
    }

    @discardableResult
    private static func put(_ batches: [ColumnBatch], _ path: String, _ log: LogFixture, _ fields: [Field]? = nil) async throws -> Int64 {
        let schema = batches.first?.schema ?? Schema(fields ?? [])
        let writer = try ParquetWriter(writer: try await log.store.write(ObjectPath(path)), schema: schema)
        for batch in batches { try await writer.write(batch) }
        return try await writer.finish().sizeInBytes
    }
}
