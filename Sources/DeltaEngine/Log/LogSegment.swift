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

    /// How many commits a reader has to replay.
    public var commitsSinceCheckpoint: Int { commits.count }

    /// The segment for `version`, or for the latest one.
    ///
    /// - Parameter damaged: checkpoints that turned out unreadable and must not be used.
    static func find(_ store: any ObjectStore, version: Int64?, avoiding damaged: Set<Int64> = []) async throws -> LogSegment {
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
    static func build(_ listing: LogListing, version: Int64?, avoiding damaged: Set<Int64>) throws(DeltaError) -> LogSegment {
        let usable = listing.checkpoints.filter { !damaged.contains($0.version) }
        guard let latest = [listing.commits.last?.version, usable.last?.version].compactMap({ $0 }).max() else {
            throw v2Only(listing) ?? .missingCommit(version: 0)
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
            version: target, checkpoint: checkpoint, commits: commits, lastCommit: listing.commits.last { $0.version == target })
    }

    /// The oldest version the listing can show: that of its first checkpoint, or 0 where the log is there from the start.
    private static func earliest(_ listing: LogListing) -> Int64 {
        listing.commits.first?.version == 0 ? 0 : listing.checkpoints.first?.version ?? listing.commits.first?.version ?? 0
    }

    /// What the absence of a commit means.
    private static func gap(
        _ missing: Int64, _ target: Int64, _ listing: LogListing, requested: Int64?, _ damaged: Set<Int64>, _ latest: Int64
    ) -> DeltaError {
        if let v2 = v2Only(listing) { return v2 }
        // A version from before the first checkpoint that is left: log cleanup took it, nothing is broken.
        let oldest = earliest(listing)
        if requested != nil, damaged.isEmpty, target < oldest { return .versionNotAvailable(version: target, available: oldest...max(oldest, latest)) }
        return .missingCommit(version: missing)
    }

    /// A log that only a V2 checkpoint holds together.
    private static func v2Only(_ listing: LogListing) -> DeltaError? {
        guard !listing.uuidCheckpoints.isEmpty, case let .refused(reason) = TableFeature.v2Checkpoint.support(for: .read) else { return nil }
        return .unsupportedFeature(feature: TableFeature.v2Checkpoint.name, access: .read, reason: reason)
    }

    /// This segment and the commits that came after it.
    func appending(_ newer: [LogFile]) -> LogSegment {
        guard let last = newer.last else { return self }
        return LogSegment(version: last.version, checkpoint: checkpoint, commits: commits + newer, lastCommit: last)
    }
}
