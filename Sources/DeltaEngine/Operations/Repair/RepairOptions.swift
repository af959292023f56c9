/// What REPAIR is asked to do.
public struct RepairOptions: Sendable, Hashable {
    /// What becomes of a file whose deletion vector is gone, so that nobody knows which of its rows are deleted.
    public var lostVectors: LostVectors
    /// Go on where more than half of the table's files are gone: mostly the storage is not the one that the table was written to.
    public var allowManyMissing: Bool
    /// Say what is wrong, change nothing.
    public var dryRun: Bool
    public var maximumTries: Int
    public var conditions: CommitConditions

    public enum LostVectors: String, Sendable, Hashable, CaseIterable {
        /// Stays as it is: it cannot be read before somebody decides.
        case keep
        /// Leaves the table with all of its rows.
        case removeFile = "remove-file"
        /// Stays without the vector: rows that were deleted come back.
        case restoreRows = "restore-rows"
    }

    public init(
        lostVectors: LostVectors = .keep, allowManyMissing: Bool = false, dryRun: Bool = false, maximumTries: Int = 10,
        conditions: CommitConditions = CommitConditions()
    ) {
        self.lostVectors = lostVectors
        self.allowManyMissing = allowManyMissing
        self.dryRun = dryRun
        self.maximumTries = max(1, maximumTries)
        self.conditions = conditions
    }
}

/// What a REPAIR found and did.
public struct RepairMetrics: Sendable, Hashable, Encodable {
    public var numFilesChecked: Int64 = 0
    /// Data files that the log has and the store has not, or not of that size.
    public var numMissingFiles: Int64 = 0
    public var missingFilesSize: Int64 = 0
    /// Files whose deletion vector is gone.
    public var numLostDeletionVectors: Int64 = 0
    /// What the commit took out of the table.
    public var numRemovedFiles: Int64 = 0
    /// Files that stay without their deletion vector.
    public var numFilesWithRestoredRows: Int64 = 0
    /// Objects below the table's root that neither the table nor a tombstone refers to: what failed writers left, or running ones are writing.
    public var numUnknownFiles: Int64 = 0
    public var unknownFilesSize: Int64 = 0

    /// For a status.
    public var counters: [String: Int64] {
        [
            "numFilesChecked": numFilesChecked, "numMissingFiles": numMissingFiles, "missingFilesSize": missingFilesSize,
            "numLostDeletionVectors": numLostDeletionVectors, "numRemovedFiles": numRemovedFiles, "numFilesWithRestoredRows": numFilesWithRestoredRows,
            "numUnknownFiles": numUnknownFiles, "unknownFilesSize": unknownFilesSize,
        ]
    }
}

/// How a REPAIR ended.
public struct RepairResult: Sendable, Hashable {
    /// The version that was committed; for one that was done already, the version that did it as far as is known; nil where nothing had to change.
    public var version: Int64?
    public var alreadyApplied: Bool
    public var tries: Int
    public var metrics: RepairMetrics
    /// What was looked at to be sure of it.
    public var verification = Verification()
    /// The first ``longestSample`` of each: files that are gone, those whose deletion vector is, and objects that nobody knows.
    public var missing: [String]
    public var lostVectors: [String]
    public var unknown: [String]

    public static let longestSample = 1000
}
