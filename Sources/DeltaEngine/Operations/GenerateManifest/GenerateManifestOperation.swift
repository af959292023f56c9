import Base
import ObjectStore

/// What a generation of the manifest is asked to do.
public struct GenerateManifestOptions: Sendable, Hashable {
    /// Say which files would be written and removed, change nothing.
    public var dryRun: Bool
    /// Only the expected version counts: nothing is committed.
    public var conditions: CommitConditions

    public init(dryRun: Bool = false, conditions: CommitConditions = CommitConditions()) {
        self.dryRun = dryRun
        self.conditions = conditions
    }
}

/// What a generation of the manifest did.
public struct GenerateManifestMetrics: Sendable, Hashable, Encodable {
    /// One for each partition.
    public var numManifestsWritten: Int64 = 0
    /// Of partitions that have no file any more.
    public var numManifestsRemoved: Int64 = 0
    /// Data files that the manifests name.
    public var numFiles: Int64 = 0

    /// For a status.
    public var counters: [String: Int64] {
        ["numManifestsWritten": numManifestsWritten, "numManifestsRemoved": numManifestsRemoved, "numFiles": numFiles]
    }
}

/// How a generation of the manifest ended.
public struct GenerateManifestResult: Sendable, Hashable {
    /// The version that the manifest shows.
    public var version: Int64
    public var metrics: GenerateManifestMetrics
}

/// Writes the manifest for engines that read a table by lists of its files (Spark's `GENERATE symlink_format_manifest`). It shows one version: unless the table's
/// property keeps it up to date, later ones need it written anew.
public struct GenerateManifestOperation: Sendable {
    public let table: DeltaTable
    public let options: GenerateManifestOptions

    public init(table: DeltaTable, options: GenerateManifestOptions = GenerateManifestOptions()) {
        self.table = table
        self.options = options
    }

    /// Throws ``DeltaError/unsupportedFeature(feature:access:reason:)`` for tables with deletion vectors or mapped columns. On an error some partitions' manifests
    /// are new, each of them whole; the next run writes all.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> GenerateManifestResult {
        progress(OperationProgress(phase: .planning))
        let snapshot = try await table.snapshot()
        _ = try options.conditions.versionApplied(in: snapshot)
        let manifest = SymlinkManifest(table: table, snapshot: snapshot)
        return try await DeltaError.wrapping {
            let plan = try await manifest.plan()
            var metrics = GenerateManifestMetrics()
            metrics.numManifestsWritten = Int64(plan.written.count)
            metrics.numManifestsRemoved = Int64(plan.removed.count)
            metrics.numFiles = Int64(snapshot.numFiles)
            let result = GenerateManifestResult(version: snapshot.version, metrics: metrics)
            if options.dryRun { return result }
            FaultPoint.hit("manifest.planned")
            let done = Lock<Int64>(0)
            try await manifest.write(plan) {
                done.withLock { done in
                    done += 1
                    progress(OperationProgress(phase: .writing, filesDone: done, filesTotal: Int64(plan.written.count)))
                }
            }
            return result
        }
    }
}
