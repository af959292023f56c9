import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Every table of the shared conformance set opens with the numbers that deltalake sees, or is refused by the name of the feature that Levee lacks.
@Suite struct ConformanceTests {
    struct Table: Sendable, CustomTestStringConvertible {
        let name: String
        let version: Int64
        let files: Int
        let bytes: Int64
        /// The sum over files whose statistics say it.
        let records: Int64
        /// The feature that refuses, by access; what is not named is allowed.
        let refused: [Access: String]

        init(_ name: String, _ version: Int64, _ files: Int, _ bytes: Int64, _ records: Int64, _ refused: [Access: String] = [:]) {
            self.name = name
            self.version = version
            self.files = files
            self.bytes = bytes
            self.records = records
            self.refused = refused
        }

        var testDescription: String { name }
    }

    private static func refusing(_ feature: String, _ accesses: Access...) -> [Access: String] {
        Dictionary(uniqueKeysWithValues: accesses.map { ($0, feature) })
    }

    private static let mapping = refusing("columnMapping", .metadataChange)

    static let readable: [Table] = [
        Table("COVID-19_NYT", 0, 8, 6_190_485, 1_111_930),
        Table("cdc_ict_table", 3, 2, 1851, 2, [.metadataChange: "inCommitTimestamp", .rewrite: "changeDataFeed"]),
        Table("cdf-table", 3, 9, 7282, 9, refusing("changeDataFeed", .rewrite)),
        Table("cdf-table-non-partitioned", 4, 11, 22637, 11, refusing("changeDataFeed", .rewrite)),
        Table("cdf-table-with-cdc-and-dvs", 25, 2, 1753, 11, refusing("changeDataFeed", .rewrite)),
        Table("checkpoint-cdf-table", 5, 13, 10910, 13, refusing("changeDataFeed", .rewrite)),
        Table("checkpoint-v2-table", 9, 8, 8924, 44, refusing("identityColumns", .append, .rewrite)),
        Table("checkpoint_with_partitions", 2, 2, 200, 0),
        Table("checkpoints", 12, 12, 18024, 12),
        Table("checkpoints_vacuumed", 12, 12, 18024, 12),
        Table("concurrent_workers", 0, 0, 0, 0),
        Table("delta-0.2.0", 3, 3, 1200, 0),
        Table("delta-0.8-empty", 1, 0, 0, 0),
        Table("delta-0.8.0", 1, 2, 880, 4),
        Table("delta-0.8.0-date", 0, 1, 685, 0),
        Table("delta-0.8.0-null-partition", 0, 2, 920, 0),
        Table("delta-0.8.0-numeric-partition", 0, 2, 804, 0),
        Table("delta-0.8.0-partitioned", 0, 6, 2477, 0),
        Table("delta-0.8.0-special-partition", 0, 2, 920, 0),
        // deltalake passes over the statistics that the checkpoint has only as structs, and counts 2.
        Table("delta-1.2.1-only-struct-stats", 12, 12, 66109, 12),
        Table("delta-2.2.0-partitioned-types", 0, 3, 1356, 3),
        Table("delta-checkpoint-stats-optional", 2, 2, 10978, 1),
        Table("delta-live-table", 1, 0, 0, 0),
        Table("delta-stats-optional", 2, 2, 10978, 1),
        Table("http_requests", 1, 2, 9756, 1581),
        Table("issue_1374", 1, 2, 2042, 20),
        Table("latest_not_checkpointed", 3, 1, 1010, 5),
        Table("partition-type-primitives", 0, 16, 13297, 16),
        Table("python-0.25.5-checkpoint", 1, 2, 1044, 6),
        Table("simple_commit", 0, 0, 0, 0),
        Table("simple_table", 4, 5, 1811, 0),
        Table("simple_table_with_cdc", 2, 1, 1026, 1, refusing("changeDataFeed", .rewrite)),
        Table("simple_table_with_checkpoint", 10, 11, 4862, 0),
        Table(
            "table-with-domain-metadata", 108, 109, 136_359, 436,
            refusing("rowTracking", .rewrite, .metadataChange)),
        Table("spark-shredded-variant-preview-delta", 2, 4, 24_861, 102, refusing("variantType", .append, .rewrite, .metadataChange)),
        Table("spark-variant-checkpoint", 2, 4, 24_911, 102, refusing("variantType-preview", .append, .rewrite, .metadataChange)),
        Table("spark-variant-stable-feature-checkpoint", 1, 4, 667_559, 20_000, refusing("variantType", .append, .rewrite, .metadataChange)),
        Table("table-with-dv-small", 1, 1, 635, 10),
        Table("table-without-dv-small", 0, 1, 548, 10),
        Table("table_failed_last_checkpoint_update", 3, 4, 5728, 20),
        Table("table_with_column_mapping", 0, 2, 1700, 5, mapping),
        Table("table_with_deletion_logs", 20, 1, 10499, 100),
        Table("table_with_edge_timestamps", 0, 2, 2402, 2),
        Table(
            "table_with_liquid_clustering", 0, 10, 5259, 10,
            refusing("rowTracking", .rewrite, .metadataChange).merging(
                refusing("liquid", .append, .delete, .maintain, .restore, .clone, .vacuum, .checkpoint, .properties)
            ) { $1 }),
        Table("table_with_null_stats_in_notnull_struct", 1, 2, 1525, 2),
        Table("table_with_partitioning_mapping", 4, 2, 1460, 2, mapping),
        Table("with_checkpoint_no_last_checkpoint", 3, 1, 1010, 5),
    ]

    private static let executor = BlockingExecutor(threads: 2, name: "conformance")

    private static func table(_ name: String) -> DeltaTable? {
        guard let root = SharedFiles.directory("conformance/delta") else { return nil }
        return DeltaTable(store: LocalStore(root: "\(root)/\(name)", executor: executor))
    }

    @Test(arguments: readable)
    func opensAndRefusesByName(_ expected: Table) async throws {
        guard let table = Self.table(expected.name) else { return }
        let snapshot = try await table.snapshot()
        #expect(snapshot.version == expected.version)
        #expect(snapshot.numFiles == expected.files)
        #expect(snapshot.sizeInBytes == expected.bytes)
        #expect(snapshot.files.reduce(0) { $0 + ($1.numRecords ?? 0) } == expected.records)
        // Manifests have tests of their own.
        for access in Access.allCases where access != .manifest {
            let refused = try snapshot.refusedFeature(access)
            #expect(refused == expected.refused[access], "\(access)")
        }
        if let checksum = try await VersionChecksum.read(table.store, version: snapshot.version) {
            #expect(checksum.difference(from: snapshot) == nil)
        }
        // Every file that the log names is where it says, but for tables that came without their data.
        let missing = await Self.missingFiles(snapshot, table)
        #expect(missing == 0 || missing == snapshot.numFiles || expected.name == "delta-1.2.1-only-struct-stats", "\(missing) files are not there")
        // However the snapshot came about, its history is what the commits say.
        let records = try await table.history(limit: 1000)
        #expect(records.first.map { $0.version == expected.version } ?? true)
    }

    private static func missingFiles(_ snapshot: Snapshot, _ table: DeltaTable) async -> Int {
        var missing = 0
        for file in snapshot.files {
            guard let path = try? file.path.object(in: table.store), (try? await table.store.head(path)) != nil else {
                missing += 1
                continue
            }
        }
        return missing
    }

    @Test func aReaderVersionFromTheFutureStaysClosed() async throws {
        guard let table = Self.table("simple_table_features") else { return }
        await #expect(throws: DeltaError.unsupportedProtocol(reader: 5, writer: 7)) { try await table.snapshot() }
    }

    @Test func everyTableIsExpected() {
        guard let root = SharedFiles.directory("conformance/delta") else { return }
        let expected = Set(Self.readable.map(\.name) + ["simple_table_features"])
        #expect(Set(SharedFiles.names(in: root)) == expected)
    }

    @Test func structStatisticsBecomeTheTextThatTheCommitHad() async throws {
        guard let table = Self.table("delta-1.2.1-only-struct-stats") else { return }
        // Version 9 comes from commits alone, version 10 from a checkpoint without JSON statistics.
        let fromCommits = try await table.snapshot(version: 9)
        let fromCheckpoint = try await table.snapshot(version: 10)
        let before = Dictionary(uniqueKeysWithValues: fromCommits.files.map { ($0.path, $0.stats?.text) })
        var compared = 0
        for file in fromCheckpoint.files {
            guard case let .some(.some(text)) = before[file.path], let rendered = file.stats else { continue }
            let (expected, found) = (try JSON.parse(text), try JSON.parse(rendered))
            #expect(expected["numRecords"] == found["numRecords"])
            #expect(expected["minValues"] == found["minValues"])
            #expect(expected["maxValues"] == found["maxValues"])
            #expect(expected["nullCount"]?["integer"] == found["nullCount"]?["integer"])
            compared += 1
        }
        #expect(compared >= 8)
    }
}
