import Base
import ObjectStore

/// What VACUUM is asked to do.
public struct VacuumOptions: Sendable {
    /// Files that left the table longer ago than this go; nil: the table's `delta.deletedFileRetentionDuration`, else a week.
    public var retention: Duration?
    /// Take a retention below the table's own: only safe where no reader and no writer is at work.
    public var allowShortRetention: Bool
    /// Where the files are looked for that may go.
    public var source: Source
    /// The most files that are deleted in a second; nil: as fast as the store takes it.
    public var maximumDeletesPerSecond: Int?
    /// Locations of shallow clones that the table does not know of, because somebody else made them.
    public var keepFor: [String]
    /// Locations of clones that it knows of and that are not to be asked any more: what they refer to may go.
    public var forgottenClones: [String]
    /// Count and name the files, remove none.
    public var dryRun: Bool
    public var conditions: CommitConditions

    public enum Source: Sendable {
        /// A listing of the whole table, which finds what failed writers left behind as well (FULL).
        case listing
        /// The removals that the log tells of since the last vacuum: no listing (LITE).
        case log
        /// A Parquet file with a row for each object, as stores' inventories have them: `path` (not escaped), `length`, `isDir`, `modificationTime` (milliseconds).
        case inventory(store: any ObjectStore, path: ObjectPath)
    }

    public init(
        retention: Duration? = nil, allowShortRetention: Bool = false, source: Source = .listing, maximumDeletesPerSecond: Int? = nil, keepFor: [String] = [],
        forgottenClones: [String] = [], dryRun: Bool = false,
        conditions: CommitConditions = CommitConditions()
    ) {
        self.retention = retention
        self.allowShortRetention = allowShortRetention
        self.source = source
        self.maximumDeletesPerSecond = maximumDeletesPerSecond
        self.keepFor = keepFor
        self.forgottenClones = forgottenClones
        self.dryRun = dryRun
        self.conditions = conditions
    }
}

/// What a VACUUM found and did, under Delta's own names where it has some.
public struct VacuumMetrics: Sendable, Hashable, Encodable {
    /// Files that nothing in the retention refers to.
    public var numFilesToDelete: Int64 = 0
    public var sizeOfDataToDelete: Int64 = 0
    public var numDeletedFiles: Int64 = 0
    /// All objects below the table's root that were looked at, the log and other hidden ones left out.
    public var numFilesListed: Int64 = 0
    /// Files that would go but for their age: what nobody refers to and is younger than the retention, as a running writer's files are.
    public var numFilesTooYoung: Int64 = 0
    /// Uploads of files that killed writers have left behind, older than the retention; those are given up, too.
    public var numUnfinishedUploads: Int64 = 0
    /// Shallow clones that were asked, and the files that would go but for them.
    public var numClones: Int64 = 0
    public var numFilesKeptForClones: Int64 = 0

    public var counters: [String: Int64] {
        [
            "numFilesToDelete": numFilesToDelete, "sizeOfDataToDelete": sizeOfDataToDelete, "numDeletedFiles": numDeletedFiles,
            "numFilesListed": numFilesListed, "numFilesTooYoung": numFilesTooYoung,
            "numUnfinishedUploads": numUnfinishedUploads, "numClones": numClones, "numFilesKeptForClones": numFilesKeptForClones,
        ]
    }
}

/// How a VACUUM ended.
public struct VacuumResult: Sendable, Hashable {
    /// Of the closing commit; nil where nothing had to be removed.
    public var version: Int64?
    /// The table's `txn` said that this run has been committed before: nothing was done now.
    public var alreadyApplied: Bool
    public var retention: Duration
    public var metrics: VacuumMetrics
    /// What was looked at to be sure of it.
    public var verification = Verification()
    /// The first ``longestSample`` of the files to delete.
    public var sample: [String]

    public static let longestSample = 1000
}
