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

    /// As ``version(at:)``; nil for a time before the first version that the log still has.
    func newestVersion(at time: Timestamp) async throws -> Int64? {
        try await DeltaError.wrapping { try await TimeTravel(table: self).newest(at: time) }
    }

    /// The first version that was committed at a time or later, by the same times. Throws ``DeltaError/invalidRequest(reason:)`` where there is none yet.
    public func firstVersion(since time: Timestamp) async throws -> Int64 {
        try await DeltaError.wrapping { try await TimeTravel(table: self).firstVersion(since: time) }
    }
}

private struct TimeTravel {
    let table: DeltaTable

    func newest(at time: Timestamp) async throws -> Int64? {
        let (commits, latest) = try await log()
        return try await newest(commits, latest, at: time)
    }

    func version(at time: Timestamp) async throws -> Int64 {
        let (commits, latest) = try await log()
        if let version = try await newest(commits, latest, at: time) { return version }
        let beginning = try await oldest(commits, latest).map { "version \($0.version) of \($0.time)" } ?? "nothing"
        throw DeltaError.invalidRequest(reason: "the table's history begins after \(time), with \(beginning)")
    }

    func firstVersion(since time: Timestamp) async throws -> Int64 {
        let (commits, latest) = try await log()
        let before = try await newest(commits, latest, at: time - .microseconds(1))
        guard let first = before.map({ $0 + 1 }) ?? commits.first?.version, first <= latest.version else {
            throw DeltaError.invalidRequest(reason: "the table has no version of \(time) or later; its latest is version \(latest.version)")
        }
        return first
    }

    private func log() async throws -> (commits: [LogFile], latest: Snapshot) {
        (try await LogListing.load(table.store, from: 0).commits, try await table.snapshot())
    }

    /// From which version on commits are stamped.
    private func stampedSince(_ latest: Snapshot) -> Int64 { latest.hasInCommitTimestamps ? latest.metadata.inCommitTimestampsSince : .max }

    /// The newest of the commits at a time; nil before the first.
    private func newest(_ commits: [LogFile], _ latest: Snapshot, at time: Timestamp) async throws -> Int64? {
        let since = stampedSince(latest)
        let stamped = commits.filter { $0.version >= since }
        if let first = stamped.first, try await stamp(of: first) <= time { return try await newest(stamped, at: time) }
        let others = commits.filter { $0.version < since }
        return History.monotonic(others).lastIndex { $0 <= time }.map { others[$0].version }
    }

    private func oldest(_ commits: [LogFile], _ latest: Snapshot) async throws -> (version: Int64, time: Timestamp)? {
        guard let first = commits.first else { return nil }
        return (first.version, first.version >= stampedSince(latest) ? try await stamp(of: first) : History.monotonic([first])[0])
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
        guard let time = try await CommitReader.commitInfo(of: commit, in: table.store)?.inCommitTimestamp else {
            throw DeltaError.corruptLog(version: commit.version, reason: "its commit has no in-commit timestamp, which the table's properties ask for")
        }
        return Timestamp(milliseconds: time)
    }
}
