import Base
import ObjectStore

/// One commit in the table's history.
public struct CommitRecord: Sendable, Hashable {
    public let version: Int64
    /// The in-commit timestamp where there is one, else the commit file's modification time, adjusted so that no commit is before its predecessor.
    public let timestamp: Timestamp
    /// nil where the commit has none.
    public let commitInfo: CommitInfo?

    public var operation: String? { commitInfo?.operation }
}

/// Reads the provenance of commits, newest first.
struct History {
    let store: any ObjectStore
    let environment: EngineEnvironment

    func records(limit: Int, from version: Int64?) async throws -> [CommitRecord] {
        let commits = try await LogListing.load(store, from: 0).commits.filter { $0.version <= version ?? .max }
        guard !commits.isEmpty else {
            // A log of nothing but a checkpoint has no history left; no log at all is an error.
            _ = try await LogSegment.find(store, version: version)
            return []
        }
        let times = Self.monotonic(commits)
        let wanted = zip(commits, times).suffix(max(0, limit)).reversed()
        let store = store
        let records = try await concurrentMap(Array(wanted), limit: max(4, environment.parallelism)) { commit, time in
            CommitRecord(version: commit.version, timestamp: time, commitInfo: try await CommitReader.commitInfo(of: commit, in: store))
        }
        guard records.contains(where: { $0.commitInfo?.inCommitTimestamp != nil }) else { return records }
        // A commit's own time counts from the version on at which the table began to go by them.
        // The history of a table that Levee cannot open is worth showing too.
        let latest = try? await SnapshotLoader(store: store, environment: environment).load(version: nil)
        let since = latest.map { $0.hasInCommitTimestamps ? $0.metadata.inCommitTimestampsSince : .max } ?? 0
        return records.map { record in
            guard record.version >= since, let time = record.commitInfo?.inCommitTimestamp else { return record }
            return CommitRecord(version: record.version, timestamp: Timestamp(milliseconds: time), commitInfo: record.commitInfo)
        }
    }

    /// Clocks that run back are corrected as Delta does: each commit is at least a millisecond after the one before.
    static func monotonic(_ commits: [LogFile]) -> [Timestamp] {
        var last: Int64?
        return commits.map { commit in
            let time = max(commit.modified.milliseconds, last.map { $0 == .max ? $0 : $0 + 1 } ?? .min)
            last = time
            return Timestamp(milliseconds: time)
        }
    }
}
