import Base
import ObjectStore

/// Reads the files of a log segment and puts them together.
struct SnapshotLoader {
    let store: any ObjectStore
    let environment: EngineEnvironment
    /// What is held of a commit at once.
    var largestFetch: Int64 = 16 << 20

    /// Commits of one piece of replay: enough to keep a core busy, few enough that their bytes stay small beside what is kept of them.
    private static let commitsPerPiece = 64
    private static let bytesPerPiece: Int64 = 8 << 20
    /// Commits fetched at once within a piece: on a network, waiting is most of the work.
    private static let fetchesPerPiece = 8

    /// The snapshot at `version`, or the latest.
    ///
    /// A checkpoint that cannot be read is left aside for an older one, or for the commits alone, where they still are all there.
    func load(version: Int64?) async throws -> Snapshot {
        var damaged: Set<String> = []
        var firstFailure: DeltaError?
        while true {
            let segment: LogSegment
            do {
                segment = try await LogSegment.find(store, version: version, avoiding: damaged)
            } catch let error as DeltaError {
                throw firstFailure ?? error
            }
            do {
                return try await read(segment)
            } catch let error as DeltaError {
                guard case let .corruptCheckpoint(bad, file, reason) = error, let checkpoint = segment.checkpoint,
                    damaged.insert(checkpoint.name).inserted
                else { throw firstFailure ?? error }
                firstFailure = firstFailure ?? error
                environment.logger.warning("a checkpoint cannot be read, going without it", ["version": bad, "file": file, "reason": reason])
            }
        }
    }

    /// The snapshot that a segment amounts to.
    func read(_ segment: LogSegment) async throws -> Snapshot {
        let batches = try await readCommits(of: segment)
        var reconciliation = Reconciliation(rows: batches.reduce(0) { $0 + $1.adds.count + $1.removes.count })
        for batch in batches { reconciliation.add(commits: batch) }
        if let checkpoint = segment.checkpoint {
            let reader = CheckpointReader(store: store, environment: environment)
            let parts = try await reader.read(checkpoint)
            // Every checkpoint has both; one without is the rest of a write that died.
            guard parts.contains(where: { $0.protocol != nil }), parts.contains(where: { $0.metadata != nil }) else {
                throw DeltaError.corruptCheckpoint(
                    version: checkpoint.version, file: checkpoint.files.first?.path.string ?? "", reason: "it has no protocol or no metaData action")
            }
            for batch in parts { reconciliation.add(checkpoint: batch) }
        }
        var commitInfo = batches.first?.commitInfo
        // Neither a checkpoint nor a compaction has that of its last commit.
        if let commit = segment.lastCommit, segment.replay.last != commit {
            commitInfo = try? await CommitReader.commitInfo(of: commit, in: store)
        }
        let snapshot = try Self.snapshot(segment, reconciliation, commitInfo)
        await check(snapshot)
        return snapshot
    }

    /// The commits of a segment, from compactions where there are some. These only save time: one that cannot be read is left aside.
    private func readCommits(of segment: LogSegment) async throws -> [ReplayBatch] {
        if segment.replay != segment.commits {
            do {
                return try await readCommits(segment.replay)
            } catch let error as DeltaError {
                environment.logger.warning("compacted commits cannot be read, going by the commits themselves", ["error": "\(error)"])
            }
        }
        return try await readCommits(segment.commits)
    }

    /// Holds the state against its version's checksum, where there is one. A difference is said and not thrown: which of the two is wrong nobody can
    /// tell, and the log is what every reader goes by (protocol, "Version Checksum File").
    private func check(_ snapshot: Snapshot) async {
        guard snapshot.segment.checksum != nil, let checksum = try? await VersionChecksum.read(store, version: snapshot.version) else { return }
        guard let difference = checksum.difference(from: snapshot) else { return }
        environment.logger.warning(
            "the version's checksum file disagrees with the log: one of them was changed",
            ["table": store.rootDescription, "version": snapshot.version, "log has": difference])
    }

    /// The snapshot with the commits after it, as far as `version`; itself where there are none. Reads only those.
    func refresh(_ snapshot: Snapshot, to version: Int64? = nil) async throws -> Snapshot {
        let newer: [LogFile]
        do {
            newer = try await newerCommits(than: snapshot).filter { $0.version <= version ?? .max }
        } catch let error as DeltaError {
            guard case .missingCommit = error else { throw error }
            // A snapshot that was held for long: the commits after it may have been cleaned up, and stand in a checkpoint.
            do {
                return try await load(version: version)
            } catch is DeltaError {
                throw error
            }
        }
        guard !newer.isEmpty else { return snapshot }
        let batches = try await readCommits(newer)
        return try advance(snapshot, newer, batches)
    }

    /// The commits after the snapshot's version, in ascending order. Throws ``DeltaError/missingCommit(version:)`` for a gap.
    func newerCommits(than snapshot: Snapshot) async throws -> [LogFile] {
        let commits = try await LogListing.load(store, from: snapshot.version + 1).commits
        for (offset, commit) in commits.enumerated() where commit.version != snapshot.version + 1 + Int64(offset) {
            throw DeltaError.missingCommit(version: snapshot.version + 1 + Int64(offset))
        }
        return commits
    }

    /// The snapshot after commits that have been read: `batches` newest first.
    func advance(_ snapshot: Snapshot, _ newer: [LogFile], _ batches: [ReplayBatch]) throws -> Snapshot {
        var reconciliation = Reconciliation(rows: batches.reduce(0) { $0 + $1.adds.count + $1.removes.count })
        for batch in batches { reconciliation.add(commits: batch) }
        let totals = reconciliation.add(older: snapshot)
        return try Self.snapshot(snapshot.segment.appending(newer), reconciliation, batches.first?.commitInfo, previous: (snapshot, totals))
    }

    // MARK: Commits

    /// Reads commits that are in ascending order; the batches come newest first.
    func readCommits(_ commits: [LogFile]) async throws -> [ReplayBatch] {
        let (store, largestFetch) = (store, largestFetch)
        return try await concurrentMap(Self.pieces(commits.reversed()), limit: environment.parallelism) { piece in
            let scanner = CommitScanner()
            // One that is larger than a piece is a piece by itself.
            if let commit = piece.first, piece.count == 1, commit.sizeInBytes > largestFetch {
                try await Self.scan(commit, by: scanner, store, largestFetch)
                return scanner.finish()
            }
            var fetched = ArraySlice<Bytes>()
            for (place, commit) in piece.enumerated() {
                if fetched.isEmpty {
                    let next = Array(piece[place..<min(place + Self.fetchesPerPiece, piece.count)])
                    fetched = try await concurrentMap(next, limit: Self.fetchesPerPiece) { try await Self.fetch($0, store) }[...]
                }
                guard let bytes = fetched.popFirst() else { break }
                try scanner.scan(bytes, version: commit.version)
            }
            return scanner.finish()
        }
    }

    /// Reads a large commit part by part; the next is fetched while one is scanned.
    private static func scan(_ commit: LogFile, by scanner: CommitScanner, _ store: any ObjectStore, _ largestFetch: Int64) async throws {
        @Sendable func part(at offset: Int64) async throws -> Bytes {
            guard offset < commit.sizeInBytes else { return .empty }
            let range = offset..<min(offset + largestFetch, commit.sizeInBytes)
            do {
                let bytes = try await store.get(commit.path, range: range)
                guard bytes.count == range.count else {
                    throw DeltaError.corruptCommit(version: commit.version, line: nil, reason: "\(bytes.count) of \(range.count) bytes of it could be read")
                }
                return bytes
            } catch ObjectStoreError.notFound {
                throw DeltaError.missingCommit(version: commit.version)
            }
        }
        scanner.begin()
        var rest = Bytes.empty
        var offset: Int64 = 0
        var pending = try await part(at: 0)
        while !pending.isEmpty {
            offset += Int64(pending.count)
            let next = offset
            async let following = part(at: next)
            // Of a line that goes on in the next part the beginning waits for it.
            let bytes = rest.isEmpty ? pending : Self.joined(rest, pending)
            let end = offset == commit.sizeInBytes ? bytes.count : bytes.withUnsafeBytes { $0.lastIndex(of: UInt8(ascii: "\n")) }.map { $0 + 1 } ?? 0
            try scanner.scan(lines: bytes.prefix(end), version: commit.version)
            rest = bytes.dropFirst(end)
            pending = try await following
        }
        try scanner.end(version: commit.version)
    }

    private static func joined(_ first: Bytes, _ second: Bytes) -> Bytes {
        Bytes(capacity: first.count + second.count) { target in
            for (bytes, start) in [(first, 0), (second, first.count)] {
                bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[start...]).copyMemory(from: $0) }
            }
            return first.count + second.count
        }
    }

    private static func fetch(_ commit: LogFile, _ store: any ObjectStore) async throws -> Bytes {
        do {
            return try await store.get(commit.path)
        } catch ObjectStoreError.notFound {
            throw DeltaError.missingCommit(version: commit.version)
        }
    }

    private static func pieces(_ commits: [LogFile]) -> [[LogFile]] {
        var pieces: [[LogFile]] = []
        var current: [LogFile] = []
        var bytes: Int64 = 0
        for commit in commits {
            if !current.isEmpty, current.count == commitsPerPiece || bytes + commit.sizeInBytes > bytesPerPiece {
                pieces.append(current)
                current = []
                bytes = 0
            }
            current.append(commit)
            bytes = bytes.saturatingAdding(commit.sizeInBytes)
        }
        if !current.isEmpty { pieces.append(current) }
        return pieces
    }

    // MARK: Putting together

    private static func snapshot(
        _ segment: LogSegment, _ state: Reconciliation, _ commitInfo: CommitInfo?, previous: (snapshot: Snapshot, totals: FileTotals)? = nil
    ) throws -> Snapshot {
        guard let action = state.protocol?.action ?? previous?.snapshot.protocol else {
            throw DeltaError.corruptLog(version: segment.version, reason: "it has no protocol action")
        }
        try FeatureRegistry.checkReadable(action, version: segment.version)
        var metadata: TableMetadata
        if let (version, members) = state.metadata {
            do {
                metadata = try ActionDecoding.metadata(members)
            } catch let error as ActionDecoding.Failure {
                throw DeltaError.corruptCommit(version: version, line: nil, reason: error.reason)
            }
        } else if let previous {
            metadata = previous.snapshot.metadata
        } else {
            throw DeltaError.corruptLog(version: segment.version, reason: "it has no metaData action")
        }
        if metadata.columnMapping.mode != .none, !FeatureRegistry.readerFeatures(action).contains(TableFeature.columnMapping.name) {
            metadata.allowsColumnMapping = false
        }
        var (files, tombstones) = (FileRows(parts: state.files), FileRows(parts: state.tombstones))
        if previous != nil { (files, tombstones) = (files.tidied(), tombstones.tidied()) }
        return Snapshot(
            segment: segment, protocol: action, metadata: metadata,
            files: FileTable(rows: files, partitionKeys: metadata.partitionKeys, totals: previous?.totals),
            tombstones: TombstoneTable(rows: tombstones), transactions: state.transactions, domainMetadata: state.domainMetadata, commitInfo: commitInfo)
    }
}
