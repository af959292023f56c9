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
    /// Which table's rows it is about.
    var subject = SweptTable.Place.table
    /// Over the table; what else lies in the store can be opened by its environment.
    let run: @Sendable (DeltaTable) async throws -> Void
    /// What happens before the tables are vacuumed.
    var afterwards: @Sendable (SweptTable) async throws -> Void = { _ in }
    /// What must hold after it, besides the rows.
    var isDone: @Sendable (SweptTable) async throws -> Bool = { _ in true }

    var description: String { name }

    /// A retry of a run that was committed finds that out.
    private static let once = CommitConditions(idempotency: .init(appId: "sweep", version: 1))
    private static let onceWithRows = CommitConditions(idempotency: once.idempotency, verifiesRows: true)
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
            name: "set properties",
            run: { table in
                let options = SetPropertiesOptions(
                    set: ["team": "data", "delta.checkpointInterval": "4", "delta.logRetentionDuration": "interval 9 days"], conditions: once)
                _ = try await SetPropertiesOperation(table: table, options: options).run()
            }, isDone: { try await $0.table().snapshot().metadata.configuration["team"] == "data" }),
        SweptOperation(
            name: "optimize", run: { _ = try await OptimizeOperation(table: $0, options: OptimizeOptions(conditions: once)).run() },
            isDone: { try await $0.table().snapshot().numFiles == ($0.features.partitioned ? 3 : 1) }),
        SweptOperation(
            name: "reorg", suits: \.vectors,
            run: { _ = try await OptimizeOperation(table: $0, options: OptimizeOptions(selection: .deletionVectors, conditions: once)).run() },
            isDone: { try await !$0.table().snapshot().files.hasDeletionVectors }),
        SweptOperation(
            name: "z-order", run: { _ = try await OptimizeOperation(table: $0, options: OptimizeOptions(zOrderBy: ["id", "text"], conditions: once)).run() },
            isDone: { table in
                let files = try await table.table().snapshot().files
                return files.count == (table.features.partitioned ? 3 : 1) && files.allSatisfy { $0.tags?["ZCUBE_ID"] != nil }
            }),
        SweptOperation(
            name: "clustering", suits: { !$0.partitioned }, prepare: clusteredById,
            run: { _ = try await OptimizeOperation(table: $0, options: OptimizeOptions(conditions: once)).run() },
            isDone: { try await $0.table().snapshot().files.map(\.clusteringProvider) == [ClusterBy.provider] }),
        SweptOperation(name: "deep clone", subject: .clone, run: clone(.deep), isDone: isClone),
        SweptOperation(name: "deep clone, again", prepare: cloned(.deep), subject: .clone, run: clone(.deep), isDone: isClone),
        SweptOperation(name: "shallow clone", subject: .clone, run: clone(.shallow, onceWithRows), afterwards: sourceMovesOn, isDone: isClone),
        SweptOperation(
            name: "shallow clone, again", prepare: cloned(.shallow), subject: .clone, run: clone(.shallow), afterwards: sourceMovesOn, isDone: isClone),
        SweptOperation(
            name: "shallow clone, piece by piece", prepare: cloned(.shallow), subject: .clone, run: clone(.shallow, commitBuffer: 0), isDone: isClone),
        SweptOperation(
            name: "convert", suits: { !$0.vectors && $0.mapping == "none" }, prepare: withoutLog, run: { _ = try await ConvertOperation(table: $0).run() }),
        SweptOperation(
            name: "convert, piece by piece", suits: { !$0.vectors && $0.mapping == "none" }, prepare: withoutLog,
            run: { table in
                var operation = ConvertOperation(table: table, options: ConvertOptions(conditions: onceWithRows))
                operation.commitBuffer = 1
                _ = try await operation.run()
            }),
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
                for version in 1...(try await table.table().latestVersion()) {
                    let text = try await table.store.get(ObjectPath(LogFileName.commitPath(version))).text
                    try await table.commit(version, text.split(separator: "\n").map { try withoutBounds(String($0)) })
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
                    named.formUnion(try await table.store.get(object.path).text.split(separator: "\n").map { String($0.dropFirst("file:///lake/".count)) })
                }
                return try await named == table.liveFiles()
            }),
    ]

    private static func clone(
        _ mode: CloneOptions.Mode, _ conditions: CommitConditions = once, commitBuffer: Int64 = PackedActions.largestPiece
    ) -> @Sendable (DeltaTable) async throws -> Void {
        { source in
            let place = try TableLocation(SweptTable.Place.clone.location)
            let target = DeltaTable(store: try source.environment.outside.table(at: place), environment: source.environment)
            var operation = CloneOperation(source: source, target: target, options: CloneOptions(mode: mode, conditions: conditions))
            operation.commitBuffer = commitBuffer
            _ = try await operation.run()
        }
    }

    /// There is a clone, and the table has moved on since.
    private static func cloned(_ mode: CloneOptions.Mode) -> @Sendable (SweptTable) async throws -> Void {
        { table in
            try await clone(mode, CommitConditions())(table.table(seed: 60))
            try await table.append(60..<63)
            _ = try await DeleteOperation(table: table.table(seed: 61), options: DeleteOptions(condition: "id = 1 OR id >= 6 AND id < 9")).run()
        }
    }

    /// The source is left as it was, and has the rows that the clone has.
    private static let isClone: @Sendable (SweptTable) async throws -> Bool = { try await $0.rows(.table) == $0.rows(.clone) }

    /// Files that a shallow clone needs leave the source.
    private static let sourceMovesOn: @Sendable (SweptTable) async throws -> Void = { table in
        table.clock.advance(by: .seconds(1))
        _ = try await OptimizeOperation(table: table.table(seed: 62)).run()
    }

    /// The data files alone.
    private static let withoutLog: @Sendable (SweptTable) async throws -> Void = { table in
        _ = try await table.store.delete(try await table.store.list(prefix: "_delta_log/", startAfter: nil).all().map(\.path))
    }

    /// A column of its own to be clustered by.
    private static let clusteredById: @Sendable (SweptTable) async throws -> Void = { table in
        let snapshot = try await table.table().snapshot()
        var wanted = snapshot.protocol
        wanted.writerFeatures = (wanted.writerFeatures ?? []) + [TableFeature.clustering.name]
        let column = table.features.mapping == "none" ? "id" : "col-1"
        let domain = DomainMetadata(domain: Clustering.domain, configuration: #"{"clusteringColumns":[["\#(column)"]]}"#, removed: false)
        table.clock.advance(by: .seconds(1))
        let info: JSONValue = ["commitInfo": ["inCommitTimestamp": .integer(table.clock.now().milliseconds), "operation": "CLUSTER BY"]]
        let actions = [Action.protocol(wanted), .domainMetadata(domain)].map(\.json)
        try await table.commit(snapshot.version + 1, ([info] + actions).map { JSON.encode($0) })
    }

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
