import Base

/// Which runs of commits a compaction of the log stands for, by a listing alone.
struct CompactLogPlan: Sendable, Hashable {
    struct Range: Sendable, Hashable {
        /// Without a gap, ascending, two at least.
        let commits: [LogFile]
        /// Whether a compaction of just these is there already.
        let isPresent: Bool

        var versions: ClosedRange<Int64> { (commits.first?.version ?? 0)...(commits.last?.version ?? 0) }
        var sizeInBytes: Int64 { commits.reduce(0) { $0.saturatingAdding($1.sizeInBytes) } }
    }

    private(set) var ranges: [Range] = []

    /// - Parameters:
    ///   - segment: of the latest version.
    ///   - mostBytes: of the commits of one file; an aligned range with more is cut.
    ///
    /// Throws ``DeltaError/missingCommit(version:)`` for a commit that a range asks for and the log has not, ``DeltaError/invalidRequest(reason:)`` for
    /// a range that is none.
    init(_ listing: LogListing, _ segment: LogSegment, _ options: CompactLogOptions, mostBytes: Int64) throws(DeltaError) {
        if options.from == nil, options.to == nil {
            for commits in Self.aligned(segment.commits, options.commitsPerFile, mostBytes: mostBytes) {
                if let range = Self.wanted(commits, listing.compactions) { ranges.append(range) }
            }
            return
        }
        let first = options.from ?? segment.commits.first?.version ?? segment.version
        let last = options.to ?? segment.version
        guard first < last else {
            throw .invalidRequest(reason: "a compacted file stands for two commits at least: versions \(first) to \(last) are no such range")
        }
        guard last <= segment.version else {
            throw .invalidRequest(reason: "the table is at version \(segment.version): there is no version \(last) to compact")
        }
        let commits = listing.commits.filter { (first...last).contains($0.version) }
        for (offset, commit) in commits.enumerated() where commit.version != first + Int64(offset) { throw .missingCommit(version: first + Int64(offset)) }
        guard commits.count == Int(clamping: last - first + 1) else { throw .missingCommit(version: first + Int64(commits.count)) }
        let range = Range(commits: commits, isPresent: Self.isPresent(first, last, listing.compactions))
        guard range.sizeInBytes <= mostBytes else {
            throw .invalidRequest(
                reason:
                    "the commits \(first) to \(last) are \(range.sizeInBytes.formattedBytes), and only \(mostBytes.formattedBytes) may be held at a time to check "
                    + "their compaction; ask for a smaller range, or allow more memory")
        }
        ranges = [range]
    }

    /// Runs of commits from one multiple of `count` to the next; those too large in pieces.
    private static func aligned(_ commits: [LogFile], _ count: Int64, mostBytes: Int64) -> [[LogFile]] {
        var runs: [[LogFile]] = []
        var bytes: Int64 = 0
        for commit in commits {
            bytes = bytes.saturatingAdding(commit.sizeInBytes)
            if let last = runs.last?.last, last.version / count == commit.version / count, bytes <= mostBytes {
                runs[runs.count - 1].append(commit)
            } else {
                runs.append([commit])
                bytes = commit.sizeInBytes
            }
        }
        return runs
    }

    /// nil for a run that is no longer than a commit, or lies within a compaction that stands for more.
    private static func wanted(_ commits: [LogFile], _ compactions: [LogFile]) -> Range? {
        guard commits.count > 1, let first = commits.first?.version, let last = commits.last?.version else { return nil }
        let isCovered = compactions.contains { file in
            guard case let .compactedCommits(from, to) = file.name else { return false }
            return from <= first && to >= last && (from, to) != (first, last)
        }
        return isCovered ? nil : Range(commits: commits, isPresent: isPresent(first, last, compactions))
    }

    private static func isPresent(_ first: Int64, _ last: Int64, _ compactions: [LogFile]) -> Bool {
        compactions.contains { $0.name == .compactedCommits(from: first, to: last) }
    }
}
