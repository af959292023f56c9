import Base
import ObjectStore

/// Puts small files together into large ones, partition by partition, or sorts rows along a curve (Delta's OPTIMIZE), or rewrites files with deletion vectors
/// (REORG). Rows, and what a change feed shows, stay as they are.
public struct OptimizeOperation: Sendable {
    public let table: DeltaTable
    public let options: OptimizeOptions

    public init(table: DeltaTable, options: OptimizeOptions = OptimizeOptions()) {
        self.table = table
        self.options = options
    }

    /// On an error nothing has been committed but batches before (``OptimizeOptions/maximumCommitBytes``), and what had been written since is removed, but where
    /// it is not known whether the commit is in the log (``DeltaError/commitOutcomeUnknown(version:reason:)``).
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> OptimizeResult {
        let started = table.environment.clock.now()
        progress(OperationProgress(phase: .planning))
        let snapshot = try await table.snapshot()
        try snapshot.require(.maintain)
        var result = OptimizeResult(version: nil, alreadyApplied: false, metrics: OptimizeMetrics())
        if let version = try options.conditions.versionApplied(in: snapshot) {
            result.version = version
            result.alreadyApplied = true
            return result
        }
        let work = try OptimizeWork(snapshot, options, now: started)
        result.metrics = plannedMetrics(work, snapshot, started)
        if options.dryRun || work.parts.isEmpty { return result }
        FaultPoint.hit("optimize.planned")
        return try await rewrite(work, snapshot, result, progress)
    }

    /// Batch after batch, each against the version that the plan was made for: what others commit meanwhile, and the batches before, touch other files, or the
    /// commit finds out.
    private func rewrite(
        _ work: OptimizeWork, _ snapshot: Snapshot, _ planned: OptimizeResult, _ progress: @escaping ProgressReporter
    ) async throws -> OptimizeResult {
        var result = planned
        result.metrics.numBatches = 0
        var replaced: [ReplacedFiles] = []
        let batches = work.batches(maximumBytes: options.maximumCommitBytes)
        var before = OperationProgress(phase: .rewriting)
        for (index, parts) in batches.enumerated() {
            let staged = StagedFiles(store: table.store, logger: table.environment.logger)
            let batch = OptimizeBatch(table: table, snapshot: snapshot, work: work, options: options, staged: staged)
            do {
                let done = try await DeltaError.wrapping { [before] in
                    try await batch.run(parts) { state in
                        var state = state
                        state.filesDone += before.filesDone
                        state.bytesDone = state.bytesDone.saturatingAdding(before.bytesDone)
                        state.filesTotal = Int64(work.fileCount)
                        state.bytesTotal = work.sizeInBytes
                        progress(state)
                    }
                }
                if options.conditions.verifiesRows { try await compareRows(of: done.replaced, snapshot, staged) }
                FaultPoint.hit("optimize.staged")
                before.filesDone += parts.reduce(0) { $0 + Int64($1.files.count) }
                before.bytesDone = parts.reduce(before.bytesDone) { $0.saturatingAdding($1.sizeInBytes) }
                result.metrics.totalFilesSkipped += Int64(done.skippedFiles)
                result.metrics.numFilesUnsortable += Int64(done.unsortableFiles)
                result.metrics.numBytesUnsortable = result.metrics.numBytesUnsortable.saturatingAdding(done.unsortableBytes)
                result.metrics.rowGroupCopyBytes += done.bytesByTier[.rowGroupCopy] ?? 0
                result.metrics.pageCopyBytes += done.bytesByTier[.pageCopy] ?? 0
                result.metrics.reencodedBytes += done.bytesByTier[.reencode] ?? 0
                guard !done.replaced.isEmpty else { continue }
                progress(OperationProgress(phase: .committing))
                switch try await commit(done, work, snapshot, batch: index, of: batches.count) {
                case .committed(let commit):
                    FaultPoint.hit("optimize.committed")
                    result.version = commit.version
                    result.metrics.numBatches += 1
                    result.verification.add(Verification(staged: staged.verified, table: commit.verified))
                    replaced += done.replaced
                case .alreadyApplied:
                    // Somebody else ran the same operation meanwhile: its files are in the table, these are not needed.
                    await staged.discard()
                    return OptimizeResult(version: nil, alreadyApplied: true, metrics: OptimizeMetrics())
                }
            } catch {
                if !StagedFiles.mayBeCommitted(after: error) { await staged.discard() }
                throw error
            }
        }
        result.metrics.count(replaced, of: snapshot)
        result.metrics.endTimeMs = table.environment.clock.now().milliseconds
        return result
    }

    private func compareRows(of replaced: [ReplacedFiles], _ snapshot: Snapshot, _ staged: StagedFiles) async throws {
        let comparison = RowComparison(table: table, snapshot: snapshot)
        for files in replaced { staged.compared(try await comparison.compare(files.sources, with: files.adds)) }
    }

    private func plannedMetrics(_ work: OptimizeWork, _ snapshot: Snapshot, _ started: Timestamp) -> OptimizeMetrics {
        var metrics = OptimizeMetrics()
        let sizes = work.parts.flatMap { part -> [Int64] in
            switch part {
            case let .bin(bin): [bin.sizeInBytes]
            case let .cube(cube): FileCuts.sizes(cube.sizeInBytes, targetFileSize: work.targetFileSize, columns: work.clustering?.columns.count ?? 1)
            }
        }
        metrics.numFilesAdded = Int64(sizes.count)
        metrics.numFilesRemoved = Int64(work.fileCount)
        metrics.filesRemoved = FileSizeStatistics(sizes: work.parts.flatMap { $0.files.map { snapshot.files[$0].size } })
        metrics.filesAdded = FileSizeStatistics(sizes: sizes)
        metrics.partitionsOptimized = Int64(work.partitions)
        if let clustering = work.clustering, let statistics = work.statistics {
            if clustering.isTables {
                metrics.clusteringStats = LiquidStatistics(statistics)
            } else {
                metrics.zOrderStats = ZOrderStatistics(statistics, isFull: options.isFull)
            }
        }
        metrics.totalConsideredFiles = Int64(work.consideredFiles)
        metrics.totalFilesSkipped = Int64(work.consideredFiles - work.fileCount)
        metrics.startTimeMs = started.milliseconds
        metrics.endTimeMs = started.milliseconds
        return metrics
    }

    // MARK: Committing

    private func commit(_ done: OptimizeBatch.Result, _ work: OptimizeWork, _ snapshot: Snapshot, batch: Int, of batches: Int) async throws -> CommitResult {
        let now = table.environment.clock.now()
        var metrics = OptimizeMetrics()
        metrics.count(done.replaced, of: snapshot)
        let operation = OperationInfo(
            options.selection == .smallFiles ? "OPTIMIZE" : "REORG", parameters: parameters(work),
            metrics: JSONObject(metrics.commitMetrics.map { (key: $0.0, value: .string(String($0.1))) }), uid: options.conditions.operationUID,
            provenance: batches > 1 ? ["batch": .integer(Int64(batch + 1)), "batches": .integer(Int64(batches))] : [:])
        var transaction = Transaction(table: table, readSnapshot: snapshot, operation: operation)
        transaction.keepsRowIds = done.keepsRowIds
        for files in done.replaced {
            for source in files.sources { transaction.remove(snapshot.files[source].remove(at: now, dataChange: false)) }
            for add in files.adds { transaction.add(add) }
        }
        transaction.looksUpFiles = true
        // The run is done with its last batch: one that dies before is to go on.
        if batch == batches - 1 { options.conditions.apply(to: &transaction) }
        FaultPoint.hit("optimize.beforeCommit")
        return try await transaction.commit()
    }

    /// As Spark writes them.
    private func parameters(_ work: OptimizeWork) -> JSONObject {
        func list(_ names: [String]) -> JSONValue { .string(JSON.encode(.array(names.map(JSONValue.string)))) }
        let predicate = list(options.condition.map { [$0] } ?? [])
        guard options.selection == .smallFiles else { return ["predicate": predicate, "applyPurge": "true"] }
        let names = work.clustering?.names ?? []
        let isTables = work.clustering?.isTables ?? false
        var parameters: JSONObject = [
            "predicate": predicate, "zOrderBy": list(isTables ? [] : names), "clusterBy": list(isTables ? names : []), "auto": "false",
        ]
        if options.isFull { parameters["isFull"] = "true" }
        return parameters
    }
}
