import Base

/// What a checkpoint operation is asked to do.
public struct CheckpointOptions: Sendable, Hashable {
    /// Say which version's checkpoint would be written, write nothing.
    public var dryRun: Bool
    /// Only the expected version counts: nothing is committed, and a version that has its checkpoint gets no second one.
    public var conditions: CommitConditions

    public init(dryRun: Bool = false, conditions: CommitConditions = CommitConditions()) {
        self.dryRun = dryRun
        self.conditions = conditions
    }
}

/// Writes a checkpoint of the table's latest version, unless it has one.
public struct CheckpointOperation: Sendable {
    public let table: DeltaTable
    public let options: CheckpointOptions

    public init(table: DeltaTable, options: CheckpointOptions = CheckpointOptions()) {
        self.table = table
        self.options = options
    }

    public struct Result: Sendable, Hashable {
        public let version: Int64
        /// False where the version had a checkpoint already; in a dry run, whether one would be written.
        public let written: Bool
        /// What the checkpoint has: actions, and bytes with its sidecars. 0 where none was written.
        public var actions: Int64 = 0
        public var sizeInBytes: Int64 = 0
        /// Files of the log that had expired and went.
        public var expiredFiles: Int64 = 0

        /// For a status.
        public var counters: [String: Int64] {
            ["checkpointVersion": version, "numActions": actions, "sizeInBytes": sizeInBytes, "numExpiredLogFiles": expiredFiles]
        }
    }

    /// Throws the registry's refusals, ``DeltaError/versionMismatch(expected:actual:)``, ``DeltaError/storage(_:)``; on an error the table is as it was.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> Result {
        progress(OperationProgress(phase: .planning))
        let snapshot = try await table.snapshot()
        _ = try options.conditions.versionApplied(in: snapshot)
        try snapshot.require(.checkpoint)
        if snapshot.segment.checkpoint?.version == snapshot.version { return Result(version: snapshot.version, written: false) }
        if options.dryRun { return Result(version: snapshot.version, written: true) }
        progress(OperationProgress(phase: .writing))
        let written = try await Checkpoint(table: table, snapshot: snapshot).write()
        var result = Result(
            version: snapshot.version, written: written != nil, actions: Int64(written?.actions ?? 0), sizeInBytes: written?.sizeInBytes ?? 0)
        do {
            result.expiredFiles = Int64(try await LogCleanup(table: table, snapshot: snapshot).run())
        } catch {
            table.environment.logger.warning("the log could not be cleaned up", ["table": table.location, "error": "\(error)"])
        }
        return result
    }
}
