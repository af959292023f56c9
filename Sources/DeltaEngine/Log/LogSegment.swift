import Base
import ObjectStore

/// The files that together give one version of the table: a checkpoint, where there is one, and every commit after it.
public struct LogSegment: Sendable, Hashable {
    public let version: Int64
    public let checkpoint: CheckpointFiles?
    /// Without gaps, in ascending order: from the version after the checkpoint's, or from 0, to ``version``.
    public let commits: [LogFile]
    /// The commit of ``version`` itself, which a checkpoint of that version leaves out of ``commits``; nil where it has been cleaned up.
    public let lastCommit: LogFile?
    /// What to read in place of ``commits``: where there are compacted commits, they stand for those they hold.
    let replay: [LogFile]
    /// The checksum of ``version``.
    let checksum: LogFile?

    /// How many commits a reader has to replay.
    public var commitsSinceCheckpoint: Int { commits.count }

    /// The segment for `version`, or for the latest one.
    ///
    /// - Parameter damaged: the names of checkpoints that turned out unreadable and must not be used.
    static func find(_ store: any ObjectStore, version: Int64?, avoiding damaged: Set<String> = []) async throws -> LogSegment {
        // The hint is only that: without it, or where it leads nowhere, the whole log is listed.
        if damaged.isEmpty, let hint = try await LastCheckpoint.read(store), version.map({ $0 >= hint.version }) ?? true {
            let listing = try await LogListing.load(store, from: hint.version)
            if listing.checkpoints.contains(where: { $0.version == hint.version }), let segment = try? build(listing, version: version, avoiding: []) {
                return segment
            }
        }
        let listing = try await LogListing.load(store, from: 0)
        guard !listing.isEmpty else { throw DeltaError.notATable(location: store.rootDescription) }
        return try build(listing, version: version, avoiding: damaged)
    }

    /// Picks the newest complete checkpoint not above the version and the commits after it.
    static func build(_ listing: LogListing, version: Int64?, avoiding damaged: Set<String>) throws(DeltaError) -> LogSegment {
        let usable = listing.checkpoints.filter { !damaged.contains($0.name) }
        guard let latest = [listing.commits.last?.version, usable.last?.version].compactMap({ $0 }).max() else {
            throw .missingCommit(version: 0)
        }
        let target = version ?? latest
        let checkpoint = usable.last { $0.version <= target }
        let first = checkpoint.map { $0.version + 1 } ?? 0
        guard target >= 0, target <= latest else {
            throw .versionNotAvailable(version: target, available: min(earliest(listing), latest)...latest)
        }

        let commits = listing.commits.filter { $0.version >= first && $0.version <= target }
        var expected = first
        for commit in commits {
            guard commit.version == expected else { throw gap(expected, target, listing, requested: version, damaged, latest) }
            expected += 1
        }
        guard expected == target + 1 else { throw gap(expected, target, listing, requested: version, damaged, latest) }
        return LogSegment(
            version: target, checkpoint: checkpoint, commits: commits, lastCommit: listing.commits.last { $0.version == target },
            replay: replay(commits, listing.compactions), checksum: listing.checksums.last { $0.version == target })
    }

    /// The commits, each run of them that a compaction has whole replaced by it (protocol, "Log Compaction Files"); the longest goes first.
    private static func replay(_ commits: [LogFile], _ compactions: [LogFile]) -> [LogFile] {
        guard let first = commits.first, let last = commits.last, !compactions.isEmpty else { return commits }
        var longest: [Int64: (file: LogFile, end: Int64)] = [:]
        for file in compactions {
            guard case let .compactedCommits(start, end) = file.name, start >= first.version, end <= last.version else { continue }
            if longest[start].map({ $0.end < end }) ?? true { longest[start] = (file, end) }
        }
        var replay: [LogFile] = []
        var next = first.version
        for commit in commits where commit.version >= next {
            if let compaction = longest[commit.version] {
                replay.append(compaction.file)
                next = compaction.end + 1
            } else {
                replay.append(commit)
                next = commit.version + 1
            }
        }
        return replay
    }

    /// The oldest version the listing can show: that of its first checkpoint, or 0 where the log is there from the start.
    private static func earliest(_ listing: LogListing) -> Int64 {
        listing.commits.first?.version == 0 ? 0 : listing.checkpoints.first?.version ?? listing.commits.first?.version ?? 0
    }

    /// What the absence of a commit means.
    private static func gap(
        _ missing: Int64, _ target: Int64, _ listing: LogListing, requested: Int64?, _ damaged: Set<String>, _ latest: Int64
    ) -> DeltaError {
        // A version from before the first checkpoint that is left: log cleanup took it, nothing is broken.
        let oldest = earliest(listing)
        if requested != nil, damaged.isEmpty, target < oldest { return .versionNotAvailable(version: target, available: oldest...max(oldest, latest)) }
        return .missingCommit(version: missing)
    }

    /// This segment and the commits that came after it.
    func appending(_ newer: [LogFile]) -> LogSegment {
        guard let last = newer.last else { return self }
        return LogSegment(
            version: last.version, checkpoint: checkpoint, commits: commits + newer, lastCommit: last, replay: replay + newer, checksum: nil)
    }
}
