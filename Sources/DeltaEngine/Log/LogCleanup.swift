import Base
import ObjectStore
import Parquet

/// Removes log files that the retention no longer asks for (protocol, "Metadata Cleanup"). Every version from the oldest retained one on stays readable.
struct LogCleanup: Sendable {
    let table: DeltaTable
    /// Of a version whose checkpoint has just been written.
    let snapshot: Snapshot

    private static let day: Int64 = 86_400_000
    private static let batchSize = 1000

    /// How many files went.
    @discardableResult
    func run() async throws -> Int {
        guard snapshot.metadata.cleansExpiredLog, !isProtected else { return 0 }
        let listing = try await LogListing.load(table.store, from: 0)
        guard let oldest = try await oldestToKeep(listing) else { return 0 }
        // Oldest first: a run that dies leaves a shorter history without a gap.
        var expired = listing.commits.filter { $0.version < oldest.version }.map(\.path)
        expired += listing.checkpoints.filter { $0.version < oldest.version }.flatMap { $0.files.map(\.path) }
        expired += listing.checksums.filter { $0.version < oldest.version }.map(\.path)
        expired += listing.compactions.filter { $0.version <= oldest.version }.map(\.path)
        if expired.isEmpty { return 0 }
        expired += try await unreferencedSidecars(listing.checkpoints.filter { $0.version >= oldest.version })
        FaultPoint.hit("log.beforeCleanup")
        for start in stride(from: 0, to: expired.count, by: Self.batchSize) {
            let failed = try await table.store.delete(Array(expired[start..<min(start + Self.batchSize, expired.count)]))
            if let error = failed.first?.error { throw DeltaError.storage(error) }
        }
        return expired.count
    }

    /// Versions that only a writer with all their features may drop (protocol feature `checkpointProtection`).
    private var isProtected: Bool {
        guard FeatureRegistry.writerFeatures(snapshot.protocol).contains(TableFeature.checkpointProtection.name) else { return false }
        return snapshot.metadata.configuration["delta.requireCheckpointProtectionBeforeVersion"].map { Int64($0) != 0 } ?? false
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
    private func unreferencedSidecars(_ kept: [CheckpointFiles]) async throws -> [ObjectPath] {
        let youngest = startOfDay(table.environment.clock.now().milliseconds - Self.day)
        var found: [ObjectPath] = []
        let pages = table.store.list(prefix: Sidecar.directory, startAfter: nil)
        while let page = try await pages.next() { found += page.filter { $0.modified.milliseconds < youngest }.map(\.path) }
        if found.isEmpty { return [] }
        var referenced: Set<ObjectPath> = []
        for checkpoint in kept {
            referenced.formUnion(try await CheckpointReader(store: table.store, environment: table.environment).sidecars(of: checkpoint).map(\.path))
        }
        return found.filter { !referenced.contains($0) }
    }
}
