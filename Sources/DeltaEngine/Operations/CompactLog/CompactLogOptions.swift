/// What a compaction of the log is asked to do.
public struct CompactLogOptions: Sendable, Hashable {
    /// The first and last commit of the one file to write; where both are nil, all commits since the last checkpoint are compacted in aligned ranges.
    public var from: Int64?
    public var to: Int64?
    /// Commits of an aligned range: one file holds those from a multiple of it up to the next.
    public var commitsPerFile: Int64
    /// Say what would be written, write nothing.
    public var dryRun: Bool
    /// Only the expected version counts: nothing is committed, and what is there already is not written again.
    public var conditions: CommitConditions

    public static let defaultCommitsPerFile: Int64 = 100

    public init(
        from: Int64? = nil, to: Int64? = nil, commitsPerFile: Int64 = defaultCommitsPerFile, dryRun: Bool = false,
        conditions: CommitConditions = CommitConditions()
    ) {
        self.from = from
        self.to = to
        self.commitsPerFile = max(2, commitsPerFile)
        self.dryRun = dryRun
        self.conditions = conditions
    }
}

/// What a compaction of the log did.
public struct CompactLogMetrics: Sendable, Hashable, Encodable {
    public var numFilesWritten: Int64 = 0
    /// Files that were there already; they have been held against their commits too.
    public var numFilesPresent: Int64 = 0
    /// Commits that the written files stand for.
    public var numCommitsCompacted: Int64 = 0
    /// Of these commits, and of the files in their place.
    public var numBytesOfCommits: Int64 = 0
    public var numBytesWritten: Int64 = 0
    /// Lines of the written files.
    public var numActions: Int64 = 0

    /// For a status.
    public var counters: [String: Int64] {
        [
            "numFilesWritten": numFilesWritten, "numFilesPresent": numFilesPresent, "numCommitsCompacted": numCommitsCompacted,
            "numBytesOfCommits": numBytesOfCommits, "numBytesWritten": numBytesWritten, "numActions": numActions,
        ]
    }
}

/// How a compaction of the log ended.
public struct CompactLogResult: Sendable, Hashable {
    /// The table's latest version, which a compaction does not change.
    public var version: Int64
    /// The ranges of versions that were written, or would be.
    public var ranges: [ClosedRange<Int64>]
    public var metrics: CompactLogMetrics
}
