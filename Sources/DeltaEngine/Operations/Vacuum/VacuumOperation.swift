import Base
import ObjectStore

/// Removes the files below a table's root that no version within the retention refers to (Delta's VACUUM, in full mode).
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
        let scan = VacuumScan(
            store: table.store, names: VacuumNames(partitionColumns: snapshot.metadata.partitionColumns),
            live: try LivePaths(snapshot, store: table.store, now: now, retention: retention), cutoff: now - retention)
        var findings = try await scan.run(progress: progress)
        result.metrics.numFilesToDelete = findings.count
        result.metrics.sizeOfDataToDelete = findings.sizeInBytes
        result.metrics.numFilesListed = findings.listed
        result.metrics.numFilesTooYoung = findings.tooYoung
        result.sample = findings.candidates.prefix(VacuumResult.longestSample).map(\.string)
        if options.dryRun || findings.count == 0 { return result }

        FaultPoint.hit("vacuum.planned")
        let log = VacuumLog(table: table, snapshot: snapshot, options: options, retention: retention)
        try await log.commitStart(result.metrics)
        FaultPoint.hit("vacuum.started")
        do {
            while true {
                try await delete(findings.candidates, &result.metrics, progress)
                if findings.isComplete { break }
                findings = try await scan.run(progress: progress)
            }
        } catch {
            await log.commitFailure(result.metrics)
            throw error
        }
        FaultPoint.hit("vacuum.deleted")
        result.version = try await log.commitEnd(result.metrics)
        FaultPoint.hit("vacuum.committed")
        return result
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
        let batches = stride(from: 0, to: paths.count, by: Self.batchSize).map { Array(paths[$0..<min($0 + Self.batchSize, paths.count)]) }
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
        }
    }
}

extension Duration {
    fileprivate var hours: Double { Double(wholeMicroseconds) / 3_600_000_000 }
}
