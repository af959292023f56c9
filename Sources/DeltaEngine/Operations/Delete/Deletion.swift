import Base
import ObjectStore

/// One run of a DELETE on one snapshot: finds the rows, puts in place what is left without them, commits. Used by one task.
final class Deletion {
    private let table: DeltaTable
    private let snapshot: Snapshot
    private let plan: DeletePlan
    private let options: DeleteOptions
    private let started: Timestamp
    private let staged: StagedFiles
    private let progress: ProgressReporter
    private let vectors: DeletionVectorWriter?
    /// nil where the table has no change feed.
    private let changes: DeletedRowsWriter?

    private var state: OperationProgress
    private var metrics = DeleteMetrics()
    /// Files that go with all rows, as positions in the snapshot.
    private var removed: [Int]
    /// Files that lose some rows and stay, with the vector that says which.
    private var marked: [(position: Int, rowCount: Int64, vector: DeletionVectorDescriptor)] = []
    /// Files that lose some rows, and the new ones with the others.
    private var rewritten: (removed: [Int], added: [AddFile]) = ([], [])
    private var keepsRowIds = true
    private var scanTime = Duration.zero
    private var rewriteTime = Duration.zero

    init(
        table: DeltaTable, snapshot: Snapshot, plan: DeletePlan, options: DeleteOptions, started: Timestamp, staged: StagedFiles,
        progress: @escaping ProgressReporter
    ) throws(DeltaError) {
        self.table = table
        self.snapshot = snapshot
        self.plan = plan
        self.options = options
        self.started = started
        self.staged = staged
        self.progress = progress
        vectors = snapshot.writesDeletionVectors ? DeletionVectorWriter(table: table, staged: staged) : nil
        changes =
            snapshot.metadata.hasChangeDataFeed(snapshot.protocol) ? try DeletedRowsWriter(table: table, snapshot: snapshot, staged: staged) : nil
        removed = plan.removed
        state = OperationProgress(
            phase: .reading, filesTotal: Int64(plan.candidates.count), bytesTotal: plan.candidates.reduce(0) { $0.saturatingAdding(snapshot.files[$1].size) })
    }

    func run() async throws -> DeleteResult {
        for position in plan.removed {
            let file = snapshot.files[position]
            metrics.remove(file, liveRows: file.numRecords.map { $0 - (file.deletionVector?.cardinality ?? 0) })
        }
        do {
            try await deleteFromCandidates()
            try await finishFiles()
        } catch {
            await vectors?.abort()
            await changes?.abort()
            throw error
        }
        metrics.scanTimeMs = scanTime.wholeMicroseconds / 1000
        metrics.rewriteTimeMs = rewriteTime.wholeMicroseconds / 1000
        metrics.executionTimeMs = max(0, table.environment.clock.now().milliseconds - started.milliseconds)
        var result = DeleteResult(version: nil, alreadyApplied: false, tries: 1, metrics: metrics)
        if options.dryRun || (removed.isEmpty && marked.isEmpty && rewritten.removed.isEmpty) { return result }

        FaultPoint.hit("delete.staged")
        progress(OperationProgress(phase: .committing))
        switch try await commit() {
        case .committed(let commit):
            FaultPoint.hit("delete.committed")
            result.version = commit.version
            result.verification = Verification(staged: staged.verified, table: commit.verified)
        case .alreadyApplied:
            // Somebody else ran the same operation meanwhile: its files are in the table, these are not needed.
            await staged.discard()
            result = DeleteResult(version: nil, alreadyApplied: true, tries: 1, metrics: DeleteMetrics())
        }
        return result
    }

    // MARK: Finding rows

    /// The rows found are held as bits until their files are dealt with: of so many files at a time that these take an eighth of the memory at most.
    private func deleteFromCandidates() async throws {
        guard let condition = options.condition, !plan.candidates.isEmpty else { return }
        let matcher = try RowMatcher(table, snapshot, condition: condition, now: started)
        var rest = plan.candidates[...]
        while !rest.isEmpty {
            var rows: Int64 = 0
            let batch = rest.prefix { position in
                defer { rows = rows.saturatingAdding(snapshot.files[position].numRecords ?? snapshot.files[position].size) }
                return rows < table.environment.memoryBudget
            }
            rest = rest.dropFirst(batch.count)
            let scanned = table.environment.clock.now()
            let partial = try await scan(batch, matcher)
            let found = table.environment.clock.now()
            scanTime += found - scanned
            if !options.dryRun, !partial.isEmpty { try await takeOut(partial) }
            rewriteTime += table.environment.clock.now() - found
        }
    }

    /// Files of which some rows match, not all.
    private func scan(_ positions: ArraySlice<Int>, _ matcher: RowMatcher) async throws -> [RowMatcher.Match] {
        var partial: [RowMatcher.Match] = []
        var upcoming = positions.makeIterator()
        let files = snapshot.files
        progress(state)
        try await OrderedPipeline(concurrency: table.environment.parallelism + 1, maximumWeight: .max).run(
            next: { upcoming.next().map { (job: $0, weight: 1) } },
            body: { try await matcher.match(files[$0], at: $0) },
            consume: { match in
                metrics.numFilesScanned += 1
                state.filesDone += 1
                state.bytesDone = state.bytesDone.saturatingAdding(files[match.position].size)
                progress(state)
                if match.found.count == 0 { return }
                if match.found.count == match.liveRows {
                    removed.append(match.position)
                    metrics.remove(files[match.position], liveRows: match.liveRows)
                } else {
                    partial.append(match)
                    metrics.numDeletedRows? += match.found.count
                }
            })
        FaultPoint.hit("delete.scanned")
        return partial
    }

    // MARK: Taking rows out

    private func takeOut(_ matches: [RowMatcher.Match]) async throws {
        if let changes {
            for match in byPartition(matches, at: \.position) { try await changes.write(.only(match.found), of: snapshot.files[match.position]) }
        }
        if let vectors {
            for match in matches {
                let vector = try await vectors.write(match.before.union(match.found))
                marked.append((match.position, match.rowCount, vector))
                metrics.numDeletionVectorsAdded += 1
                if snapshot.files[match.position].deletionVector != nil {
                    metrics.numDeletionVectorsRemoved += 1
                    metrics.numDeletionVectorsUpdated += 1
                }
            }
        } else {
            try await rewrite(matches)
        }
    }

    private func rewrite(_ matches: [RowMatcher.Match]) async throws {
        let deleted = Dictionary(uniqueKeysWithValues: matches.map { ($0.position, $0.before.union($0.found)) })
        let rewrite = try Compaction(
            table: table, snapshot: snapshot, bins: bins(matches), codec: .keep, deleting: deleted, staged: staged, progress: progress)
        try await rewrite.run()
        // What OPTIMIZE may leave as it is, a DELETE may not.
        guard rewrite.skippedFiles == 0 else {
            throw DeltaError.corruptDataFile(path: "of \(table.location)", reason: "the rows that stay in \(rewrite.skippedFiles) files cannot be written anew")
        }
        if options.conditions.verifiesRows {
            let comparison = RowComparison(table: table, snapshot: snapshot)
            for output in rewrite.outputs {
                staged.compared(try await comparison.compare(output.sources, without: deleted, with: output.add.map { [$0] } ?? []))
            }
        }
        keepsRowIds = keepsRowIds && rewrite.keepsRowIds
        for output in rewrite.outputs {
            for position in output.sources {
                let file = snapshot.files[position]
                rewritten.removed.append(position)
                if file.deletionVector != nil { metrics.numDeletionVectorsRemoved += 1 }
                metrics.numRemovedFiles += 1
                metrics.numRemovedBytes = metrics.numRemovedBytes.saturatingAdding(file.size)
            }
            guard let add = output.add else { continue }
            rewritten.added.append(add)
            metrics.numAddedFiles += 1
            metrics.numAddedBytes = metrics.numAddedBytes.saturatingAdding(add.size)
        }
        for match in matches { metrics.numCopiedRows += match.liveRows - match.found.count }
    }

    /// What stays of files that lie next to each other goes into one, up to the table's target size: being written anew, they need not stay small. Files that
    /// were clustered, and those whose dates are in a calendar of their own, are not mixed with others.
    private func bins(_ matches: [RowMatcher.Match]) -> [OptimizePlan.Bin] {
        let target = snapshot.metadata.targetFileSize ?? OptimizeOptions.defaultTargetFileSize
        var bins: [OptimizePlan.Bin] = []
        var open: (partition: PartitionKey, files: [Int], staying: Int64, size: Int64)?
        func close() {
            if let open { bins.append(OptimizePlan.Bin(partitionValues: open.partition.values, files: open.files, sizeInBytes: open.size)) }
            open = nil
        }
        for match in byPartition(matches, at: \.position) {
            let file = snapshot.files[match.position]
            let partition = PartitionKey(file.partitionValues)
            let isAlone = match.hasLegacyCalendar || file.clusteringProvider != nil || ClusterBy.isOfCube(file)
            let share = Double(match.liveRows - match.found.count) / Double(max(1, match.rowCount))
            let staying = Int64(Double(file.size) * share)
            if let last = open, isAlone || last.partition != partition || last.staying.saturatingAdding(staying) > target { close() }
            let last = open ?? (partition, [], 0, 0)
            open = (partition, last.files + [match.position], last.staying.saturatingAdding(staying), last.size.saturatingAdding(file.size))
            if isAlone { close() }
        }
        close()
        return bins
    }

    /// Change files, once a commit has any, must tell of all rows that it takes away, those of whole files too (protocol, "Add CDC File").
    private func finishFiles() async throws {
        if options.dryRun { return }
        if let changes, !marked.isEmpty || !rewritten.removed.isEmpty {
            for position in byPartition(removed, at: \.self) {
                let file = snapshot.files[position]
                try await changes.write(try await LiveRows.without(file.deletionVector, in: table.files), of: file)
            }
            try await changes.finish()
            metrics.numAddedChangeFiles = Int64(changes.files.count)
        }
        try await vectors?.finish()
    }

    private func byPartition<Element>(_ elements: [Element], at position: (Element) -> Int) -> [Element] {
        if snapshot.metadata.partitionColumns.isEmpty { return elements }
        var places: [PartitionKey: Int] = [:]
        let keyed = elements.map { element in
            let key = PartitionKey(snapshot.files[position(element)].partitionValues)
            let place = places[key] ?? places.count
            places[key] = place
            return (place, element)
        }
        return keyed.enumerated().sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }.map(\.element.1)
    }

    // MARK: Committing

    private func commit() async throws -> CommitResult {
        let now = table.environment.clock.now()
        let predicate = JSON.encode(.array(options.condition.map { [.string($0)] } ?? []))
        let operation = OperationInfo(
            "DELETE", parameters: ["predicate": .string(predicate)],
            metrics: JSONObject(metrics.commitMetrics.map { (key: $0.0, value: .string(String($0.1))) }), uid: options.conditions.operationUID)
        var transaction = Transaction(table: table, readSnapshot: snapshot, operation: operation, reads: plan.reads, access: .delete)
        // A row that is marked, or gone with its file, has moved nowhere.
        transaction.keepsRowIds = keepsRowIds
        for position in removed { transaction.remove(snapshot.files[position].remove(at: now, dataChange: true)) }
        for file in marked {
            let view = snapshot.files[file.position]
            var add = view.add
            add.dataChange = true
            add.deletionVector = file.vector
            add.stats = StatisticsText.withWideBounds(view.stats, rowCount: file.rowCount)
            transaction.remove(view.remove(at: now, dataChange: true))
            transaction.add(add)
        }
        for position in rewritten.removed { transaction.remove(snapshot.files[position].remove(at: now, dataChange: true)) }
        for add in rewritten.added { transaction.add(add) }
        if let changes { transaction.actions += changes.files.map(Action.changeData) }
        transaction.looksUpFiles = !rewritten.added.isEmpty
        options.conditions.apply(to: &transaction)
        FaultPoint.hit("delete.beforeCommit")
        return try await transaction.commit()
    }
}
