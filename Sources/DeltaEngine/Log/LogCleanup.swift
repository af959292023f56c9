import Base
import ObjectStore
import Parquet

/// Removes log files that the retention no longer asks for (protocol, "Metadata Cleanup"). Every version from the oldest retained one on stays readable.
struct LogCleanup: Sendable {
    let table: DeltaTable
    let snapshot: Snapshot

    private static let day: Int64 = 86_400_000
    private static let batchSize = 1000

    /// What may go, oldest first within each kind.
    struct Plan: Sendable, Hashable {
        var commits: [LogFile] = []
        var checkpoints: [LogFile] = []
        var checksums: [LogFile] = []
        var compactions: [LogFile] = []
        var sidecars: [ObjectInfo] = []
        /// The versions that can be read afterwards.
        var readable: ClosedRange<Int64>
        /// Why nothing goes although the retention would let it; nil where that is not so.
        var obstacle: String?

        private var logFiles: [LogFile] { commits + checkpoints + checksums + compactions }

        /// In the order in which they go: a run that dies leaves a shorter history without a gap behind the oldest version to keep.
        var paths: [ObjectPath] { logFiles.map(\.path) + sidecars.map(\.path) }

        var sizeInBytes: Int64 {
            logFiles.reduce(sidecars.reduce(0) { $0.saturatingAdding($1.sizeInBytes) }) { $0.saturatingAdding($1.sizeInBytes) }
        }
    }

    /// How many files went.
    @discardableResult
    func run() async throws -> Int { try await remove(try await plan()) { _ in } }

    /// Looks, removes nothing.
    func plan() async throws -> Plan {
        let listing = try await LogListing.load(table.store, from: 0)
        let first = min(listing.commits.first?.version ?? .max, listing.checkpoints.first?.version ?? .max)
        let start = first == 0 ? 0 : listing.checkpoints.first?.version ?? first
        var plan = Plan(readable: min(start, snapshot.version)...snapshot.version)
        guard snapshot.metadata.cleansExpiredLog else {
            plan.obstacle = "delta.enableExpiredLogCleanup is false"
            return plan
        }
        var kept = listing.checkpoints
        if let oldest = try await oldestToKeep(listing) {
            if let protected = protectedVersion, oldest.version < protected {
                plan.obstacle =
                    "the log before version \(protected) may only go all at once (delta.requireCheckpointProtectionBeforeVersion), and the retention still keeps "
                    + "versions from \(oldest.version) on"
            } else {
                plan.readable = oldest.version...snapshot.version
                plan.commits = listing.commits.filter { $0.version < oldest.version }
                plan.checkpoints = listing.checkpoints.filter { $0.version < oldest.version }.flatMap(\.files)
                plan.checksums = listing.checksums.filter { $0.version < oldest.version }
                plan.compactions = listing.compactions.filter { $0.version <= oldest.version }
                kept = listing.checkpoints.filter { $0.version >= oldest.version }
            }
        }
        // Also where nothing else goes: a run that was cut short has left them.
        if FeatureRegistry.readerFeatures(snapshot.protocol).contains(TableFeature.v2Checkpoint.name) { plan.sidecars = try await unreferencedSidecars(kept) }
        return plan
    }

    /// Returns how many files went.
    @discardableResult
    func remove(_ plan: Plan, afterBatch: (Int) -> Void) async throws -> Int {
        let expired = plan.paths
        if expired.isEmpty { return 0 }
        FaultPoint.hit("log.beforeCleanup")
        for start in stride(from: 0, to: expired.count, by: Self.batchSize) {
            let end = min(start + Self.batchSize, expired.count)
            let failed = try await table.store.delete(Array(expired[start..<end]))
            if let error = failed.first?.error { throw DeltaError.storage(error) }
            FaultPoint.hit("log.cleaning")
            afterBatch(end)
        }
        return expired.count
    }

    /// Before this version the log may only go as a whole, so that no checkpoint of it loses the commits around it while others stay (protocol feature
    /// `checkpointProtection`).
    private var protectedVersion: Int64? {
        guard FeatureRegistry.writerFeatures(snapshot.protocol).contains(TableFeature.checkpointProtection.name),
            let text = snapshot.metadata.configuration["delta.requireCheckpointProtectionBeforeVersion"]
        else { return nil }
        // What is no number protects everything.
        return Int64(text) ?? .max
    }

    /// The newest checkpoint that is not younger than the last commit of the retention's first day; nil where nothing can go.
    private func oldestToKeep(_ listing: LogListing) async throws -> CheckpointFiles? {
        let now = table.environment.clock.now()
        let cutoff = startOfDay((now - snapshot.metadata.logRetention).milliseconds)
        let times = History.monotonic(listing.commits)
        guard let last = times.lastIndex(where: { $0.milliseconds <= cutoff }).map({ listing.commits[$0].version }) else { return nil }
        let first = min(listing.commits[0].version, listing.checkpoints.first?.version ?? .max)
        for checkpoint in listing.checkpoints.reversed() where checkpoint.version <= last && checkpoint.version > first {
            // The commits go only where what stands for them can be read.
            if await isReadable(checkpoint) { return checkpoint }
        }
        return nil
    }

    private func isReadable(_ checkpoint: CheckpointFiles) async -> Bool {
        do {
            return try await !CheckpointReader(store: table.store, environment: table.environment).read(checkpoint).isEmpty
        } catch {
            table.environment.logger.warning("a checkpoint cannot be read, the log before it is kept", ["file": checkpoint.name, "error": "\(error)"])
            return false
        }
    }

    private func startOfDay(_ milliseconds: Int64) -> Int64 { milliseconds - ((milliseconds % Self.day) + Self.day) % Self.day }

    /// Sidecars of no checkpoint that stays, older than a day: younger ones may belong to one that is being written.
    private func unreferencedSidecars(_ kept: [CheckpointFiles]) async throws -> [ObjectInfo] {
        let youngest = startOfDay(table.environment.clock.now().milliseconds - Self.day)
        var found: [ObjectInfo] = []
        let pages = table.store.list(prefix: Sidecar.directory, startAfter: nil)
        while let page = try await pages.next() { found += page.filter { $0.modified.milliseconds < youngest } }
        if found.isEmpty { return [] }
        var referenced: Set<ObjectPath> = []
        for checkpoint in kept {
            referenced.formUnion(try await CheckpointReader(store: table.store, environment: table.environment).sidecars(of: checkpoint).map(\.path))
        }
        return found.filter { !referenced.contains($0.path) }
    }
}
