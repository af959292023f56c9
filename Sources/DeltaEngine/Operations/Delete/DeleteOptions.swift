/// Which rows to delete, and how.
public struct DeleteOptions: Sendable, Hashable {
    /// A Spark SQL condition: rows of which it is true go, those of which it is false or NULL stay. nil: all rows.
    public var condition: String?
    /// Find the rows and count them, change nothing.
    public var dryRun: Bool
    /// How often the whole is done, from the table as it is then, where another writer changed what had been read.
    public var maximumTries: Int
    public var conditions: CommitConditions

    public init(condition: String? = nil, dryRun: Bool = false, maximumTries: Int = 10, conditions: CommitConditions = CommitConditions()) {
        self.condition = condition
        self.dryRun = dryRun
        self.maximumTries = max(1, maximumTries)
        self.conditions = conditions
    }
}

/// What a DELETE did, under Delta's own names.
public struct DeleteMetrics: Sendable, Hashable, Encodable {
    /// nil where files went whose number of rows nobody knows.
    public var numDeletedRows: Int64? = 0
    /// Rows that were written into new files because others of their file went.
    public var numCopiedRows: Int64 = 0
    /// Files that are not in the table any more; those that got a deletion vector are.
    public var numRemovedFiles: Int64 = 0
    public var numRemovedBytes: Int64 = 0
    public var numAddedFiles: Int64 = 0
    public var numAddedBytes: Int64 = 0
    public var numDeletionVectorsAdded: Int64 = 0
    public var numDeletionVectorsRemoved: Int64 = 0
    /// Added and removed: files that had a vector and got a larger one.
    public var numDeletionVectorsUpdated: Int64 = 0
    public var numAddedChangeFiles: Int64 = 0
    /// Files that had to be opened to find the rows.
    public var numFilesScanned: Int64 = 0
    public var scanTimeMs: Int64 = 0
    public var rewriteTimeMs: Int64 = 0
    public var executionTimeMs: Int64 = 0

    /// The numbers alone, flat, for a status.
    public var counters: [String: Int64] {
        var counters = Dictionary(uniqueKeysWithValues: commitMetrics)
        counters["numFilesScanned"] = numFilesScanned
        return counters
    }

    /// As Spark puts them into `commitInfo.operationMetrics`.
    var commitMetrics: [(String, Int64)] {
        let all: [(String, Int64?)] = [
            ("numRemovedFiles", numRemovedFiles), ("numRemovedBytes", numRemovedBytes), ("numCopiedRows", numCopiedRows),
            ("numDeletionVectorsAdded", numDeletionVectorsAdded), ("numDeletionVectorsRemoved", numDeletionVectorsRemoved),
            ("numAddedChangeFiles", numAddedChangeFiles), ("executionTimeMs", executionTimeMs),
            ("numDeletionVectorsUpdated", numDeletionVectorsUpdated), ("numDeletedRows", numDeletedRows), ("scanTimeMs", scanTimeMs),
            ("numAddedFiles", numAddedFiles), ("numAddedBytes", numAddedBytes), ("rewriteTimeMs", rewriteTimeMs),
        ]
        return all.compactMap { name, value in value.map { (name, $0) } }
    }

    /// Counts a file that goes with all of its rows.
    mutating func remove(_ file: FileView, liveRows: Int64?) {
        numRemovedFiles += 1
        numRemovedBytes = numRemovedBytes.saturatingAdding(file.size)
        if file.deletionVector != nil { numDeletionVectorsRemoved += 1 }
        numDeletedRows = numDeletedRows.flatMap { sum in liveRows.map { sum.saturatingAdding($0) } }
    }
}

/// How a DELETE ended.
public struct DeleteResult: Sendable, Hashable {
    /// The version that was committed; for one that was done already, the version that did it as far as is known; nil where no row had to go.
    public var version: Int64?
    /// The table's `txn` said that this run has been committed before: nothing was done now.
    public var alreadyApplied: Bool
    /// Runs of the whole, those that another writer was faster than included.
    public var tries: Int
    public var metrics: DeleteMetrics
    /// What was looked at to be sure of it.
    public var verification = Verification()
}
