import Base
import Columnar
import ObjectStore
import Parquet

/// Finds the statistics of files anew and adds the files once more with them (Spark's COMPUTE STATS): rows, files and what a change feed shows stay as they are.
///
/// Which columns are covered the table's properties say, and its clustering. Statistics of a file with a deletion vector speak of all rows of it, the deleted
/// ones too, and say so (`tightBounds`).
public struct ComputeStatisticsOperation: Sendable {
    public let table: DeltaTable
    public let options: ComputeStatisticsOptions

    public init(table: DeltaTable, options: ComputeStatisticsOptions = ComputeStatisticsOptions()) {
        self.table = table
        self.options = options
    }

    /// Throws ``DeltaError/corruptDataFile(path:reason:)`` for a file that has not as many rows as the log says. On an error nothing has been committed, but
    /// for ``DeltaError/commitOutcomeUnknown(version:reason:)``.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> ComputeStatisticsResult {
        let found = FoundStatistics()
        return try await ConflictRetry.run(table.environment, maximumTries: options.maximumTries, doing: "COMPUTE STATS") { tries in
            var result = try await DeltaError.wrapping { try await runOnce(found, progress) }
            result.tries = tries
            return result
        }
    }

    private func runOnce(_ found: FoundStatistics, _ progress: @escaping ProgressReporter) async throws -> ComputeStatisticsResult {
        progress(OperationProgress(phase: .planning))
        let snapshot = try await table.snapshot()
        try snapshot.require(.maintain)
        var result = ComputeStatisticsResult(version: nil, alreadyApplied: false, tries: 1, metrics: ComputeStatisticsMetrics())
        if let done = try options.conditions.versionApplied(in: snapshot) {
            result.version = done
            result.alreadyApplied = true
            return result
        }
        let coverage = StatisticsCoverage(snapshot)
        let positions = try self.positions(snapshot, coverage)
        result.metrics.numFilesConsidered = Int64(positions.count)
        FaultPoint.hit("computeStatistics.planned")
        let adds = try await adds(positions, snapshot, coverage, found, &result.metrics, progress)
        result.metrics.numUpdatedFiles = Int64(adds.count)
        FaultPoint.hit("computeStatistics.computed")
        if options.dryRun || adds.isEmpty { return result }

        progress(OperationProgress(phase: .committing))
        switch try await transaction(adds, snapshot, result.metrics).commit() {
        case let .committed(commit):
            FaultPoint.hit("computeStatistics.committed")
            result.version = commit.version
            result.verification.table = commit.verified
        case .alreadyApplied: result.alreadyApplied = true
        }
        return result
    }

    /// The files to look into.
    private func positions(_ snapshot: Snapshot, _ coverage: StatisticsCoverage) throws -> [Int] {
        let filter = try PartitionFilter(options.condition, metadata: snapshot.metadata, now: table.environment.clock.now())
        var positions: [Int] = []
        for group in snapshot.files.partitionGroups() where try filter.matches(group.values) {
            positions += options.missingOnly ? group.files.filter { !coverage.isComplete(snapshot.files[$0].stats) } : group.files
        }
        return positions.sorted()
    }

    /// The files whose statistics are other than what the log has, with the new ones.
    private func adds(
        _ positions: [Int], _ snapshot: Snapshot, _ coverage: StatisticsCoverage, _ found: FoundStatistics, _ metrics: inout ComputeStatisticsMetrics,
        _ progress: @escaping ProgressReporter
    ) async throws -> [AddFile] {
        found.use(for: coverage)
        var adds: [AddFile] = []
        var done = 0
        var next = positions.makeIterator()
        let pipeline = OrderedPipeline(concurrency: table.environment.parallelism, maximumWeight: Int64(table.environment.parallelism) * 4)
        try await pipeline.run {
            next.next().map { ($0, 1) }
        } body: { [table] position in
            let file = snapshot.files[position]
            if let known = found[file] { return (position, known) }
            let statistics = try await Self.statistics(of: file, table, snapshot.metadata, coverage)
            found.add(statistics, of: file)
            return (position, statistics)
        } consume: { (position: Int, statistics: FoundStatistics.Entry) in
            done += 1
            progress(OperationProgress(phase: .reading, filesDone: Int64(done), filesTotal: Int64(positions.count)))
            metrics.numFilesFromFooters += statistics.decodedColumns == 0 ? 1 : 0
            metrics.numDecodedColumns += Int64(statistics.decodedColumns)
            metrics.numRecords = metrics.numRecords.saturatingAdding(statistics.rowCount)
            var add = snapshot.files[position].add
            let text = add.deletionVector == nil ? statistics.text : StatisticsText.withWideBounds(Bytes(statistics.text), rowCount: statistics.rowCount)
            if let old = add.stats, let before = try? JSON.parse(old), before == (try? JSON.parse(text)) { return }
            add.stats = text
            add.dataChange = false
            adds.append(add)
        }
        return adds
    }

    private static func statistics(
        of view: FileView, _ table: DeltaTable, _ metadata: TableMetadata, _ coverage: StatisticsCoverage
    ) async throws -> FoundStatistics.Entry {
        let file: DataFile
        do {
            let place = try table.files.place(of: view.path)
            file = try await DataFile.open(
                place.store, place.path, sizeInBytes: view.size, mapping: metadata.columnMapping, fields: coverage.fields, hidden: [])
        } catch ObjectStoreError.notFound {
            throw DeltaError.corruptDataFile(path: view.path.decoded, reason: "it is gone from the store; look for others with `levee table repair`")
        }
        if let expected = view.numRecords, expected != file.rowCount {
            throw DeltaError.corruptDataFile(
                path: view.path.decoded,
                reason: "it has \(file.rowCount) rows, and the log says that it has \(expected); look at the table with `levee table repair`")
        }
        if let deleted = view.deletionVector?.cardinality, deleted > file.rowCount {
            throw DeltaError.corruptDataFile(
                path: view.path.decoded,
                reason: "it has \(file.rowCount) rows, and its deletion vector takes \(deleted) away; look at the table with `levee table repair`")
        }
        let scan = try await FileStatisticsScan(file: file, columns: coverage.columns).run()
        return FoundStatistics.Entry(
            text: scan.statistics.json(fields: coverage.fields, columns: coverage.columns), rowCount: file.rowCount, decodedColumns: scan.decodedColumns)
    }

    private func transaction(_ adds: [AddFile], _ snapshot: Snapshot, _ metrics: ComputeStatisticsMetrics) -> Transaction {
        let predicate = options.condition.map { JSON.encode(.array([.string($0)])) } ?? "[]"
        let counters = metrics.counters.sorted { $0.key < $1.key }
        let operation = OperationInfo(
            "COMPUTE STATS", parameters: ["predicate": .string(predicate)],
            metrics: JSONObject(counters.map { (key: $0.key, value: .string(String($0.value))) }), uid: options.conditions.operationUID)
        // A file that another writer removes meanwhile must not come back by being added again.
        var transaction = Transaction(table: table, readSnapshot: snapshot, operation: operation, reads: .files(Set(adds.map(\.path))))
        transaction.keepsRowIds = true
        transaction.looksUpFiles = false
        transaction.actions = adds.map(Action.add)
        options.conditions.apply(to: &transaction)
        FaultPoint.hit("computeStatistics.beforeCommit")
        return transaction
    }
}
