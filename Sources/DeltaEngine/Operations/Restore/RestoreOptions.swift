import Base

/// What a table is put back to, and when not.
public struct RestoreOptions: Sendable, Hashable {
    public var target: Target
    /// Go on where data files are gone: the rows of those are lost, and the result says how many files that were.
    public var allowMissing: Bool
    /// Find out what would be done, change nothing.
    public var dryRun: Bool
    /// How often the whole is done, from the table as it is then, where another writer committed meanwhile.
    public var maximumTries: Int
    public var conditions: CommitConditions

    public enum Target: Sendable, Hashable {
        case version(Int64)
        /// The newest version that had been committed by then.
        case timestamp(Timestamp)
    }

    public init(
        target: Target, allowMissing: Bool = false, dryRun: Bool = false, maximumTries: Int = 10, conditions: CommitConditions = CommitConditions()
    ) {
        self.target = target
        self.allowMissing = allowMissing
        self.dryRun = dryRun
        self.maximumTries = max(1, maximumTries)
        self.conditions = conditions
    }
}

/// What a RESTORE did, under Spark's names.
public struct RestoreMetrics: Sendable, Hashable, Encodable {
    public var numRestoredFiles: Int64 = 0
    public var restoredFilesSize: Int64 = 0
    public var numRemovedFiles: Int64 = 0
    public var removedFilesSize: Int64 = 0
    public var numOfFilesAfterRestore: Int64 = 0
    public var tableSizeAfterRestore: Int64 = 0
    /// Files of the older version that are gone, and were left out because that was allowed.
    public var numMissingFiles: Int64 = 0

    /// For a status.
    public var counters: [String: Int64] {
        var counters = Dictionary(uniqueKeysWithValues: commitMetrics)
        counters["numMissingFiles"] = numMissingFiles
        return counters
    }

    /// As Spark puts them into `commitInfo.operationMetrics`.
    var commitMetrics: [(String, Int64)] {
        [
            ("numRestoredFiles", numRestoredFiles), ("restoredFilesSize", restoredFilesSize), ("numRemovedFiles", numRemovedFiles),
            ("removedFilesSize", removedFilesSize), ("numOfFilesAfterRestore", numOfFilesAfterRestore), ("tableSizeAfterRestore", tableSizeAfterRestore),
        ]
    }
}

/// How a RESTORE ended.
public struct RestoreResult: Sendable, Hashable {
    /// The version that was committed; for one that was done already, the version that did it as far as is known; nil where nothing had to change.
    public var version: Int64?
    /// The version that the table was put back to.
    public var restoredVersion: Int64
    /// The table's `txn` said that this run has been committed before: nothing was done now.
    public var alreadyApplied: Bool
    public var tries: Int
    public var metrics: RestoreMetrics
    /// What was looked at to be sure of it.
    public var verification = Verification()
}
