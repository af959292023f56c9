import Base
import ObjectStore
import TestSupport

@testable import DeltaEngine

/// An operation as the sweep knows it: a row of its table.
struct SweptOperation: Sendable, CustomStringConvertible {
    let name: String
    /// Commits between checkpoints: such that the operation's own commit is due for one, or none is made.
    var checkpointInterval = 4
    /// The features on which it can be done.
    var suits: @Sendable (DeleteFixture.Features) -> Bool = { _ in true }
    /// What the table must have been through before.
    var prepare: @Sendable (SweptTable) async throws -> Void = { _ in }
    let run: @Sendable (DeltaTable) async throws -> Void
    /// What must hold after it, besides the rows.
    var isDone: @Sendable (SweptTable) async throws -> Bool = { _ in true }

    var description: String { name }

    /// A retry of a run that was committed finds that out.
    private static let once = CommitConditions(idempotency: .init(appId: "sweep", version: 1))
    private static let week = Duration.seconds(7 * 86_400)

    static let all: [SweptOperation] = [
        SweptOperation(
            name: "append",
            run: { table in
                _ = try await WriteOperation(table: table, input: try await SweptTable.rows(20..<24), options: WriteOptions(conditions: once)).run()
            }),
        SweptOperation(
            name: "delete",
            run: { _ = try await DeleteOperation(table: $0, options: DeleteOptions(condition: "id < 3 OR id = 7", conditions: once)).run() }),
        SweptOperation(
            name: "optimize", run: { _ = try await OptimizeOperation(table: $0, options: OptimizeOptions(conditions: once)).run() },
            isDone: { try await $0.table().snapshot().numFiles == ($0.features.partitioned ? 3 : 1) }),
        SweptOperation(
            name: "reorg", suits: \.vectors,
            run: { _ = try await OptimizeOperation(table: $0, options: OptimizeOptions(selection: .deletionVectors, conditions: once)).run() },
            isDone: { try await !$0.table().snapshot().files.hasDeletionVectors }),
        SweptOperation(
            name: "restore", prepare: { try await $0.append(30..<33) },
            run: { _ = try await RestoreOperation(table: $0, options: RestoreOptions(target: .version(2), conditions: once)).run() }),
        SweptOperation(
            name: "repair",
            prepare: { table in
                let gone = try await table.table().snapshot().files[0].path.object(in: table.store)
                _ = try await table.store.delete([gone])
            }, run: { _ = try await RepairOperation(table: $0, options: RepairOptions(conditions: once)).run() }),
        SweptOperation(
            name: "vacuum", prepare: outlived, run: { _ = try await VacuumOperation(table: $0).run() },
            isDone: { try await $0.dataFiles() == $0.liveFiles() }),
        SweptOperation(
            name: "vacuum by the log", prepare: outlived, run: { _ = try await VacuumOperation(table: $0, options: VacuumOptions(source: .log)).run() }),
        SweptOperation(
            name: "checkpoint", checkpointInterval: 100, run: { _ = try await CheckpointOperation(table: $0).run() },
            isDone: { table in
                let snapshot = try await table.table().snapshot()
                return snapshot.segment.checkpoint?.version == snapshot.version
            }),
        SweptOperation(
            name: "compactLog", checkpointInterval: 100, run: { _ = try await CompactLogOperation(table: $0).run() },
            isDone: { try await $0.table().snapshot().segment.replay.count == 1 }),
        SweptOperation(
            name: "logCleanup", checkpointInterval: 100,
            prepare: { table in
                _ = try await CompactLogOperation(table: table.table()).run()
                _ = try await CheckpointOperation(table: table.table()).run()
                table.clock.advance(by: .seconds(60 * 86_400))
                try await table.append(40..<43)
            }, run: { _ = try await LogCleanupOperation(table: $0).run() },
            isDone: { table in
                let listing = try await LogListing.load(table.store, from: 0)
                return listing.commits.first?.version == listing.checkpoints.first?.version && listing.compactions.isEmpty && listing.checkpoints.count == 1
            }),
        SweptOperation(
            name: "computeStatistics",
            prepare: { table in
                let log = LogFixture(store: table.store, clock: table.clock)
                for version in 1...(try await table.table().latestVersion()) {
                    let lines = try await log.text(LogFileName.commitPath(version)).split(separator: "\n").map { try withoutBounds(String($0)) }
                    try await log.commit(version, lines)
                }
                // What was written of these commits elsewhere has the old ones.
                let others = try await table.store.list(prefix: "_delta_log/", startAfter: nil).all().map(\.path)
                _ = try await table.store.delete(others.filter { $0.string.contains("checkpoint") })
            }, run: { _ = try await ComputeStatisticsOperation(table: $0, options: ComputeStatisticsOptions(conditions: once)).run() },
            isDone: { table in
                let snapshot = try await table.table().snapshot()
                return snapshot.files.allSatisfy { StatisticsCoverage(snapshot).isComplete($0.stats) }
            }),
        SweptOperation(
            name: "generateManifest", suits: { !$0.vectors && $0.mapping == "none" },
            prepare: { table in
                _ = try await GenerateManifestOperation(table: table.table()).run()
                _ = try await DeleteOperation(table: table.table(), options: DeleteOptions(condition: "p = 'p1'")).run()
            }, run: { _ = try await GenerateManifestOperation(table: $0).run() },
            isDone: { table in
                var named: Set<String> = []
                for object in try await table.store.list(prefix: SymlinkManifest.directory, startAfter: nil).all() {
                    named.formUnion(try await table.store.get(object.path).text.split(separator: "\n").map { String($0.dropFirst("memory:///".count)) })
                }
                return try await named == table.liveFiles()
            }),
    ]

    /// Files have left the table longer ago than the retention.
    private static let outlived: @Sendable (SweptTable) async throws -> Void = { table in
        _ = try await OptimizeOperation(table: table.table(seed: 50)).run()
        table.clock.advance(by: week + .seconds(3600))
        try await table.append(50..<53)
    }

    private static func withoutBounds(_ line: String) throws -> String {
        var json = try JSON.parse(line)
        guard var add = json["add"], let stats = add["stats"]?.stringValue else { return line }
        let count = try JSON.parse(stats)["numRecords"] ?? 0
        add["stats"] = .string(JSON.encode(["numRecords": count, "tightBounds": .bool(add["deletionVector"] == nil)]))
        json["add"] = add
        return JSON.encode(json)
    }
}
