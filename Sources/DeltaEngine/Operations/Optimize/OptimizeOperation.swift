import Base
import ObjectStore

/// Compacts small files into large ones, partition by partition (Delta's OPTIMIZE), or rewrites those with deletion vectors (REORG). Rows, and what a change feed shows, stay as they are.
public struct OptimizeOperation: Sendable {
    public let table: DeltaTable
    public let options: OptimizeOptions

    public init(table: DeltaTable, options: OptimizeOptions = OptimizeOptions()) {
        self.table = table
        self.options = options
    }

    /// On an error nothing has been committed, and what had been written is removed, but where it is not known whether the commit is in the log
    /// (``DeltaError/commitOutcomeUnknown(version:reason:)``).
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
        let plan = try makePlan(snapshot, now: started)
        result.metrics = plannedMetrics(plan, snapshot, started)
        if options.dryRun || plan.bins.isEmpty { return result }
        FaultPoint.hit("optimize.planned")

        let staged = StagedFiles(store: table.store, logger: table.environment.logger)
        do {
            return try await DeltaError.wrapping { try await rewrite(plan, snapshot, staged, result, progress) }
        } catch {
            if !StagedFiles.mayBeCommitted(after: error) { await staged.discard() }
            throw error
        }
    }

    private func rewrite(
        _ plan: OptimizePlan, _ snapshot: Snapshot, _ staged: StagedFiles, _ planned: OptimizeResult, _ progress: @escaping ProgressReporter
    ) async throws -> OptimizeResult {
        let compaction = try Compaction(
            table: table, snapshot: snapshot, bins: plan.bins, codec: options.codec, mayCopy: !options.reencodes, staged: staged, progress: progress)
        try await compaction.run()
        if options.conditions.verifiesRows { try await compareRows(of: compaction.outputs, snapshot, staged) }
        FaultPoint.hit("optimize.staged")
        var result = planned
        result.metrics = metrics(of: compaction, snapshot, planned.metrics)
        guard !compaction.outputs.isEmpty else { return result }

        progress(OperationProgress(phase: .committing))
        switch try await commit(compaction, snapshot, result.metrics) {
        case .committed(let commit):
            FaultPoint.hit("optimize.committed")
            result.version = commit.version
            result.verification = Verification(staged: staged.verified, table: commit.verified)
        case .alreadyApplied:
            // Somebody else ran the same operation meanwhile: its files are in the table, these are not needed.
            await staged.discard()
            result = OptimizeResult(version: nil, alreadyApplied: true, metrics: OptimizeMetrics())
        }
        result.metrics.endTimeMs = table.environment.clock.now().milliseconds
        return result
    }

    private func compareRows(of outputs: [Compaction.Output], _ snapshot: Snapshot, _ staged: StagedFiles) async throws {
        let comparison = RowComparison(table: table, snapshot: snapshot)
        for output in outputs { staged.compared(try await comparison.compare(output.sources, with: output.add.map { [$0] } ?? [])) }
    }

    // MARK: Planning

    private func makePlan(_ snapshot: Snapshot, now: Timestamp) throws(DeltaError) -> OptimizePlan {
        let filter = try PartitionFilter(options.condition, metadata: snapshot.metadata, now: now)
        if let size = options.targetFileSize, size < 1 { throw .invalidRequest(reason: "the target file size must be more than nothing") }
        return try OptimizePlan(
            files: snapshot.files, groups: snapshot.files.partitionGroups(), filter: filter, selection: options.selection,
            targetFileSize: options.targetFileSize ?? snapshot.metadata.targetFileSize ?? OptimizeOptions.defaultTargetFileSize,
            maximumBytes: options.maximumBytes)
    }

    private func plannedMetrics(_ plan: OptimizePlan, _ snapshot: Snapshot, _ started: Timestamp) -> OptimizeMetrics {
        var metrics = OptimizeMetrics()
        metrics.numFilesAdded = Int64(plan.bins.count)
        metrics.numFilesRemoved = Int64(plan.fileCount)
        metrics.filesRemoved = FileSizeStatistics(sizes: plan.bins.flatMap { $0.files.map { snapshot.files[$0].size } })
        metrics.filesAdded = FileSizeStatistics(sizes: plan.bins.map(\.sizeInBytes))
        metrics.partitionsOptimized = Int64(plan.partitions)
        metrics.totalConsideredFiles = Int64(plan.consideredFiles)
        metrics.totalFilesSkipped = Int64(plan.consideredFiles - plan.fileCount)
        metrics.startTimeMs = started.milliseconds
        metrics.endTimeMs = started.milliseconds
        return metrics
    }

    private func metrics(of compaction: Compaction, _ snapshot: Snapshot, _ planned: OptimizeMetrics) -> OptimizeMetrics {
        var metrics = planned
        let sources = compaction.outputs.flatMap(\.sources)
        metrics.numFilesRemoved = Int64(sources.count)
        let added = compaction.outputs.compactMap(\.add)
        metrics.numFilesAdded = Int64(added.count)
        metrics.filesAdded = FileSizeStatistics(sizes: added.map(\.size))
        metrics.filesRemoved = FileSizeStatistics(sizes: sources.map { snapshot.files[$0].size })
        metrics.partitionsOptimized = Int64(
            Set(compaction.outputs.compactMap { $0.sources.first }.map { PartitionKey(snapshot.files[$0].partitionValues) }).count)
        metrics.numBatches = compaction.outputs.isEmpty ? 0 : 1
        metrics.totalFilesSkipped += Int64(compaction.skippedFiles)
        metrics.rowGroupCopyBytes = compaction.bytesByTier[.rowGroupCopy] ?? 0
        metrics.pageCopyBytes = compaction.bytesByTier[.pageCopy] ?? 0
        metrics.reencodedBytes = compaction.bytesByTier[.reencode] ?? 0
        return metrics
    }

    // MARK: Committing

    private func commit(_ compaction: Compaction, _ snapshot: Snapshot, _ metrics: OptimizeMetrics) async throws -> CommitResult {
        let now = table.environment.clock.now()
        let predicate = options.condition.map { JSON.encode(.array([.string($0)])) } ?? "[]"
        let (name, parameters): (String, JSONObject) =
            switch options.selection {
            case .smallFiles: ("OPTIMIZE", ["predicate": .string(predicate), "zOrderBy": "[]", "clusterBy": "[]", "auto": "false"])
            case .deletionVectors: ("REORG", ["predicate": .string(predicate), "applyPurge": "true"])
            }
        let operation = OperationInfo(
            name, parameters: parameters,
            metrics: JSONObject(metrics.commitMetrics.map { (key: $0.0, value: .string(String($0.1))) }), uid: options.conditions.operationUID)
        var transaction = Transaction(table: table, readSnapshot: snapshot, operation: operation)
        transaction.keepsRowIds = compaction.keepsRowIds
        for output in compaction.outputs {
            for source in output.sources { transaction.remove(snapshot.files[source].remove(at: now, dataChange: false)) }
            if let add = output.add { transaction.add(add) }
        }
        transaction.looksUpFiles = true
        options.conditions.apply(to: &transaction)
        FaultPoint.hit("optimize.beforeCommit")
        return try await transaction.commit()
    }
}
