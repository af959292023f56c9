import Base
import ObjectStore

/// A commit of a range of changes.
struct RecordedCommit: Sendable {
    let file: LogFile
    /// By the commit file, or once the commit has been read, by itself.
    private(set) var timestamp: Timestamp
    /// Whether the commit says itself when it was made.
    let isStamped: Bool

    init(file: LogFile, timestamp: Timestamp, isStamped: Bool) {
        self.file = file
        self.timestamp = timestamp
        self.isStamped = isStamped
    }

    func stamped(by info: CommitInfo?) -> RecordedCommit {
        guard isStamped, let time = info?.inCommitTimestamp else { return self }
        var commit = self
        commit.timestamp = Timestamp(milliseconds: time)
        return commit
    }
}

/// The commits of a range of versions, in each of which the change feed was on and the schema one that the last version's extends.
struct RecordedRange: Sendable {
    let versions: ClosedRange<Int64>
    let commits: [RecordedCommit]
    /// Of the last version.
    let metadata: TableMetadata

    /// The table's state as far as reading changes goes by it.
    private struct State {
        let version: Int64
        let `protocol`: ProtocolAction
        let metadata: TableMetadata
    }

    static func read(_ table: DeltaTable, _ versions: ClosedRange<Int64>) async throws -> RecordedRange {
        let listed = try await LogListing.load(table.store, from: 0).commits
        // Adjusted over all commits that there are: where a range starts must not change the times of its versions.
        let times = Dictionary(zip(listed.map(\.version), History.monotonic(listed))) { first, _ in first }
        let files = listed.filter { versions.contains($0.version) }
        for (file, version) in zip(files, versions) where file.version != version { throw missing(version, listed, versions) }
        guard files.count == versions.count else { throw missing(versions.lowerBound + Int64(files.count), listed, versions) }

        let states = try await states(table, versions, files)
        guard let last = states.last else { throw missing(versions.lowerBound, listed, versions) }
        for state in states {
            try FeatureRegistry.check(state.protocol, state.metadata, hasDeletionVectors: false, access: .read, version: state.version)
            guard state.metadata.hasChangeDataFeed(state.protocol) else {
                throw DeltaError.changeDataNotRecorded(version: state.version, range: versions)
            }
            if let reason = ChangeSchema.incompatibility(of: state.metadata, with: last.metadata) {
                throw DeltaError.incompatibleChanges(version: state.version, last: versions.upperBound, reason: reason)
            }
        }
        var rest = states[...]
        var state = last
        let commits = files.map { file in
            while let next = rest.first, next.version <= file.version {
                state = next
                rest.removeFirst()
            }
            let time = times[file.version] ?? file.modified
            return RecordedCommit(file: file, timestamp: time, isStamped: state.metadata.hasInCommitTimestamps(state.protocol))
        }
        return RecordedRange(versions: versions, commits: commits, metadata: last.metadata)
    }

    /// The state at the first version, and at each version that changes it.
    private static func states(_ table: DeltaTable, _ versions: ClosedRange<Int64>, _ files: [LogFile]) async throws -> [State] {
        let first = try await table.snapshot(version: versions.lowerBound)
        var states = [State(version: first.version, protocol: first.protocol, metadata: first.metadata)]
        let store = table.store
        let changes = try await concurrentMap(Array(files.dropFirst()), limit: max(4, table.environment.parallelism)) { file in
            let scanner = CommitScanner()
            try scanner.scan(try await store.get(file.path), version: file.version)
            let batch = scanner.finish()
            return (version: file.version, protocol: batch.protocol?.action, metadata: batch.metadata?.members)
        }
        for change in changes where change.protocol != nil || change.metadata != nil {
            let newest = states[states.count - 1]
            let action = change.protocol ?? newest.protocol
            // Before the schema is parsed: a type of tomorrow is refused by its feature's name.
            try FeatureRegistry.checkReadable(action, version: change.version)
            var metadata = newest.metadata
            if let members = change.metadata {
                do {
                    metadata = try ActionDecoding.metadata(members)
                } catch let error as ActionDecoding.Failure {
                    throw DeltaError.corruptCommit(version: change.version, line: nil, reason: error.reason)
                }
            }
            metadata.allowsColumnMapping = FeatureRegistry.readerFeatures(action).contains(TableFeature.columnMapping.name)
            states.append(State(version: change.version, protocol: action, metadata: metadata))
        }
        return states
    }

    private static func missing(_ version: Int64, _ listed: [LogFile], _ versions: ClosedRange<Int64>) -> DeltaError {
        // What log cleanup has taken is no damage.
        guard let oldest = listed.first?.version, version < oldest, let latest = listed.last?.version else { return .missingCommit(version: version) }
        return .versionNotAvailable(version: version, available: oldest...latest)
    }
}

extension TableMetadata {
    /// Whether changes are recorded: the property counts on tables whose protocol has the feature (protocol, "Writer Requirements for AddCDCFile").
    func hasChangeDataFeed(_ action: ProtocolAction) -> Bool {
        isEnabled("delta.enableChangeDataFeed") && FeatureRegistry.writerFeatures(action).contains(TableFeature.changeDataFeed.name)
    }
}
