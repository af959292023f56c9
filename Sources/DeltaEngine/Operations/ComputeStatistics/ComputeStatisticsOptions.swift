/// Which files' statistics are found anew.
public struct ComputeStatisticsOptions: Sendable, Hashable {
    /// A Spark SQL condition on partition columns: only their files are looked at.
    public var condition: String?
    /// Leave files alone whose statistics say how many rows they have, and for each covered column how many are null.
    public var missingOnly: Bool
    /// Read the files and say what would change, commit nothing.
    public var dryRun: Bool
    /// How often the commit is tried with what has been read, where another writer changed files meanwhile.
    public var maximumTries: Int
    public var conditions: CommitConditions

    public init(
        condition: String? = nil, missingOnly: Bool = false, dryRun: Bool = false, maximumTries: Int = 10, conditions: CommitConditions = CommitConditions()
    ) {
        self.condition = condition
        self.missingOnly = missingOnly
        self.dryRun = dryRun
        self.maximumTries = max(1, maximumTries)
        self.conditions = conditions
    }
}

/// What a computation of statistics did.
public struct ComputeStatisticsMetrics: Sendable, Hashable, Encodable {
    public var numFilesConsidered: Int64 = 0
    /// Files whose statistics are new, or would be.
    public var numUpdatedFiles: Int64 = 0
    /// Of those that were looked into, the ones whose footer said everything.
    public var numFilesFromFooters: Int64 = 0
    /// Columns whose rows were read, over all files.
    public var numDecodedColumns: Int64 = 0
    /// Rows of the files that were looked into.
    public var numRecords: Int64 = 0

    /// For a status, and for the commit.
    public var counters: [String: Int64] {
        [
            "numFilesConsidered": numFilesConsidered, "numUpdatedFiles": numUpdatedFiles, "numFilesFromFooters": numFilesFromFooters,
            "numDecodedColumns": numDecodedColumns, "numRecords": numRecords,
        ]
    }
}

/// How a computation of statistics ended.
public struct ComputeStatisticsResult: Sendable, Hashable {
    /// The version that was committed; for one that was done already, the version that did it as far as is known; nil where nothing had to change.
    public var version: Int64?
    /// The table's `txn` said that this run has been committed before: nothing was done now.
    public var alreadyApplied: Bool
    public var tries: Int
    public var metrics: ComputeStatisticsMetrics
    public var verification = Verification()
}
