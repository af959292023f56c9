import Base

/// What is cloned, and how.
public struct CloneOptions: Sendable, Hashable {
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        /// The clone's log refers to the source's files where they are: nothing is copied, and the clone needs the source's files from then on.
        case shallow
        /// All files are copied; the clone stands for itself.
        case deep
    }

    public enum Version: Sendable, Hashable {
        case latest
        case version(Int64)
        /// The newest version that had been committed by then.
        case timestamp(Timestamp)
    }

    public var mode: Mode
    /// Of the source.
    public var version: Version
    /// Make the target a clone although it is another table, or was changed since it was cloned: what it holds goes, its history stays.
    public var replace: Bool
    /// Find out what would be done, change nothing.
    public var dryRun: Bool
    /// How often the whole is done, from the target as it is then, where another writer committed to it meanwhile.
    public var maximumTries: Int
    /// Of the target.
    public var conditions: CommitConditions

    public init(
        mode: Mode, version: Version = .latest, replace: Bool = false, dryRun: Bool = false, maximumTries: Int = 3,
        conditions: CommitConditions = CommitConditions()
    ) {
        self.mode = mode
        self.version = version
        self.replace = replace
        self.dryRun = dryRun
        self.maximumTries = max(1, maximumTries)
        self.conditions = conditions
    }
}

/// What a CLONE did, under Spark's names.
public struct CloneMetrics: Sendable, Hashable, Encodable {
    public var sourceTableSize: Int64 = 0
    public var sourceNumOfFiles: Int64 = 0
    /// Files of the target that the source has not.
    public var numRemovedFiles: Int64 = 0
    public var removedFilesSize: Int64 = 0
    public var numCopiedFiles: Int64 = 0
    public var copiedFilesSize: Int64 = 0
    /// Files that the target had already.
    public var numKeptFiles: Int64 = 0
    public var numCopiedDeletionVectorFiles: Int64 = 0

    /// For a status.
    public var counters: [String: Int64] {
        var counters = Dictionary(uniqueKeysWithValues: commitMetrics)
        counters["numKeptFiles"] = numKeptFiles
        counters["numCopiedDeletionVectorFiles"] = numCopiedDeletionVectorFiles
        return counters
    }

    /// As Spark puts them into `commitInfo.operationMetrics`.
    var commitMetrics: [(String, Int64)] {
        [
            ("sourceTableSize", sourceTableSize), ("sourceNumOfFiles", sourceNumOfFiles), ("numRemovedFiles", numRemovedFiles),
            ("numCopiedFiles", numCopiedFiles), ("removedFilesSize", removedFilesSize), ("copiedFilesSize", copiedFilesSize),
        ]
    }
}

/// How a CLONE ended.
public struct CloneResult: Sendable, Hashable {
    /// The target's version that was committed; for one that was done already, the version that did it as far as is known; nil where nothing had to change.
    public var version: Int64?
    /// The version of the source that the target holds.
    public var sourceVersion: Int64
    /// The target's `txn` said that this run has been committed before: nothing was done now.
    public var alreadyApplied: Bool
    public var tries: Int
    public var metrics: CloneMetrics
    /// What was looked at to be sure of it.
    public var verification = Verification()
}
