import Base
import ObjectStore

/// Removes the files below a table's root that no version within the retention refers to (Delta's VACUUM).
///
/// A file goes when the table's current state does not have it, it did not leave the table within the retention, and its own modification time is
/// older than the retention, so that files of running writers stay. Both commits of Delta, `VACUUM START` and `VACUUM END`, tell of it.
public struct VacuumOperation: Sendable {
    public let table: DeltaTable
    public let options: VacuumOptions

    /// How many objects one request to the store deletes, and how many requests run at once.
    private static let batchSize = 1000
    private static let concurrentBatches = 4

    public init(table: DeltaTable, options: VacuumOptions = VacuumOptions()) {
        self.table = table
        self.options = options
    }

    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> VacuumResult {
        let snapshot = try await table.snapshot()
        try snapshot.require(.vacuum)
        let retention = try checkedRetention(snapshot.metadata)
        var result = VacuumResult(version: nil, alreadyApplied: false, retention: retention, metrics: VacuumMetrics(), sample: [])
        if let version = try options.conditions.versionApplied(in: snapshot) {
            result.version = version
            result.alreadyApplied = true
            return result
        }

        let now = table.environment.clock.now()
        let clones = try await VacuumClones(table: table, options: options).find()
        let rules = VacuumRules(
            names: VacuumNames(partitionColumns: snapshot.metadata.partitionColumns),
            live: try LivePaths(snapshot, files: table.files, now: now, retention: retention), cutoff: now - retention, clones: clones.paths)
        let last = try await table.newestVersion(at: rules.cutoff)
        let scan: any VacuumScan =
            switch options.source {
            case .listing: VacuumListing(store: table.store, rules: rules)
            case .log: VacuumLogScan(table: table, rules: rules, last: last)
            case let .inventory(store, path): VacuumInventory(inventory: (store, path), store: table.store, rules: rules)
            }
        var findings = try await scan.run(progress: progress)
        result.metrics.numFilesToDelete = findings.count
        result.metrics.sizeOfDataToDelete = findings.sizeInBytes
        result.metrics.numFilesListed = findings.listed
        result.metrics.numFilesTooYoung = findings.tooYoung
        result.metrics.numClones = clones.clones
        result.metrics.numFilesKeptForClones = findings.keptForClones
        result.sample = findings.candidates.prefix(VacuumResult.longestSample).map(\.string)
        let uploads = VacuumUploads(table: table, names: rules.names, cutoff: rules.cutoff)
        let unfinished = try await uploads.find()
        result.metrics.numUnfinishedUploads = Int64(unfinished.count)
        if options.dryRun { return result }
        try await uploads.giveUp(unfinished)
        guard findings.count > 0 else {
            await remember(last, findings)
            return result
        }

        FaultPoint.hit("vacuum.planned")
        let log = VacuumLog(table: table, snapshot: snapshot, options: options, retention: retention)
        try await log.commitStart(result.metrics)
        FaultPoint.hit("vacuum.started")
        do {
            while true {
                try await delete(findings.candidates, &result.metrics, progress)
                if findings.isComplete { break }
                // A scan of the log goes on where the last one stopped; a listing finds what is left.
                if let covered = findings.coveredVersion { try await LastVacuum(version: covered).write(table.store) }
                findings = try await scan.run(progress: progress)
            }
        } catch {
            await log.commitFailure(result.metrics)
            throw error
        }
        FaultPoint.hit("vacuum.deleted")
        await remember(last, findings)
        if case let .committed(commit) = try await log.commitEnd(result.metrics) {
            result.version = commit.version
            result.verification.table = commit.verified
        }
        FaultPoint.hit("vacuum.committed")
        return result
    }

    /// So that a vacuum that goes by the log begins behind. A hint: without it, or with an old one, it reads more of the log. An inventory may be older than
    /// the removals, and says nothing of them.
    private func remember(_ last: Int64?, _ findings: VacuumFindings) async {
        if case .inventory = options.source { return }
        // What stays for a clone may go once that is gone, and must be found again then.
        guard let last, findings.keptForClones == 0 else { return }
        do { try await LastVacuum(version: last).write(table.store) } catch {
            table.environment.logger.warning("how far the vacuum went could not be recorded", ["table": table.location, "error": "\(error)"])
        }
    }

    private func checkedRetention(_ metadata: TableMetadata) throws(DeltaError) -> Duration {
        let floor = metadata.deletedFileRetention
        let retention = options.retention ?? floor
        guard retention >= .zero else { throw .invalidRequest(reason: "a retention cannot be negative") }
        if retention < floor, !options.allowShortRetention {
            throw .retentionTooShort(hours: retention.hours, minimumHours: floor.hours)
        }
        return retention
    }

    private func delete(_ paths: [ObjectPath], _ metrics: inout VacuumMetrics, _ progress: ProgressReporter) async throws {
        let size = min(Self.batchSize, max(1, options.maximumDeletesPerSecond ?? .max))
        let batches = stride(from: 0, to: paths.count, by: size).map { Array(paths[$0..<min($0 + size, paths.count)]) }
        let clock = table.environment.clock
        let started = clock.now()
        for wave in stride(from: 0, to: batches.count, by: Self.concurrentBatches) {
            let store = table.store
            let failures = try await concurrentMap(Array(batches[wave..<min(wave + Self.concurrentBatches, batches.count)]), limit: Self.concurrentBatches) {
                batch in
                let failed = try await store.delete(batch)
                return (deleted: Int64(batch.count - failed.count), first: failed.first?.error)
            }
            for failure in failures { metrics.numDeletedFiles += failure.deleted }
            FaultPoint.hit("vacuum.deleting")
            progress(OperationProgress(phase: .deleting, filesDone: metrics.numDeletedFiles, filesTotal: metrics.numFilesToDelete))
            if let error = failures.lazy.compactMap(\.first).first { throw DeltaError.storage(error) }
            if let rate = options.maximumDeletesPerSecond {
                let asked = Double(min(paths.count, (wave + Self.concurrentBatches) * size)) / Double(max(1, rate))
                let early = Duration.seconds(asked) - (clock.now() - started)
                if early > .zero, wave + Self.concurrentBatches < batches.count { try await clock.sleep(for: early) }
            }
        }
    }
}

extension Duration {
    fileprivate var hours: Double { Double(wholeMicroseconds) / 3_600_000_000 }
}
