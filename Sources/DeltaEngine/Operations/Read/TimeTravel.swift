import Base
import ObjectStore

extension DeltaTable {
    /// The newest version that had been committed at a time, by in-commit timestamps where the table has them (protocol, "Recommendations for Readers of
    /// Tables with In-Commit Timestamps"), else by the commit files' times, each taken to be later than the one before.
    ///
    /// Throws ``DeltaError/invalidRequest(reason:)`` for a time before the first version that the log still has.
    public func version(at time: Timestamp) async throws -> Int64 {
        try await DeltaError.wrapping { try await TimeTravel(table: self).version(at: time) }
    }
}

private struct TimeTravel {
    let table: DeltaTable

    func version(at time: Timestamp) async throws -> Int64 {
        let commits = try await LogListing.load(table.store, from: 0).commits
        let latest = try await table.snapshot()
        let since = latest.hasInCommitTimestamps ? latest.metadata.inCommitTimestampsSince : .max
        let stamped = commits.filter { $0.version >= since }
        if let first = stamped.first, try await stamp(of: first) <= time { return try await newest(stamped, at: time) }
        let others = commits.filter { $0.version < since }
        let times = History.monotonic(others)
        if let last = times.lastIndex(where: { $0 <= time }) { return others[last].version }
        var oldest: (version: Int64, time: Timestamp)?
        if let first = others.first {
            oldest = (first.version, times[0])
        } else if let first = stamped.first {
            oldest = (first.version, try await stamp(of: first))
        }
        let beginning = oldest.map { "version \($0.version) of \($0.time)" } ?? "nothing"
        throw DeltaError.invalidRequest(reason: "the table's history begins after \(time), with \(beginning)")
    }

    /// The newest of these commits that was made by then, of which the first was: their times ascend, so that few have to be read.
    private func newest(_ commits: [LogFile], at time: Timestamp) async throws -> Int64 {
        var low = 0
        var high = commits.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if try await stamp(of: commits[middle]) <= time { low = middle } else { high = middle }
        }
        return commits[low].version
    }

    private func stamp(of commit: LogFile) async throws -> Timestamp {
        guard let time = try CommitReader.commitInfo(try await table.store.get(commit.path), version: commit.version)?.inCommitTimestamp else {
            throw DeltaError.corruptLog(version: commit.version, reason: "its commit has no in-commit timestamp, which the table's properties ask for")
        }
        return Timestamp(milliseconds: time)
    }
}
