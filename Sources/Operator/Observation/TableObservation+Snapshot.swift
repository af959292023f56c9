import Base
import DeltaEngine

extension TableObservation {
    init(_ snapshot: Snapshot, request: ObservationRequest, history: [DeltaTableStatus.Commit], now: Timestamp) {
        let files = FileFigures(snapshot.files)
        let removed = RemovedFiles(
            snapshot.tombstones.lazy.map { tombstone in
                (time: Timestamp(milliseconds: tombstone.deletionTimestamp ?? 0), bytes: tombstone.size ?? 0)
            })
        let work = OptimizeOutlook(snapshot, request, now: now)
        let retention = snapshot.metadata.deletedFileRetention
        let expired = removed.removed(in: Timestamp(microseconds: .min)..<(now - retention))
        let commits = Int64(snapshot.segment.commitsSinceCheckpoint)
        let refusals = Self.refusals(snapshot)

        table = .init(snapshot, files, removed, lastCommitAt: history.first?.timestamp ?? snapshot.timestamp?.wholeSeconds)
        layout = .init(
            targetFileSize: work.estimate?.targetFileSize ?? 0, smallFiles: work.smallFiles, smallFileBytes: work.smallFileBytes,
            unsortedFiles: work.sorting?.unsortedFiles, unsortedBytes: work.sorting?.unsortedBytes, histogram: files.histogram,
            checkpointVersion: snapshot.segment.checkpoint?.version, commitsSinceCheckpoint: commits)
        self.history = history
        health = TableHealth.Facts(
            numFiles: Int64(snapshot.numFiles), sizeInBytes: snapshot.sizeInBytes, smallFiles: work.smallFiles, commitsSinceCheckpoint: commits,
            removableFiles: expired.files, removableBytes: expired.bytes, numRecords: files.records, deletedRows: files.deletedRows,
            filesWithoutStatistics: files.withoutStatistics, refusal: refusals[.optimize])
        facts = TableFacts(
            numFiles: Int64(snapshot.numFiles), smallFiles: work.smallFiles, smallFileBytes: work.smallFileBytes,
            leastRewriteBytes: work.estimate?.leastBytes ?? 0, sorting: work.sorting, invalidCondition: work.invalidCondition,
            invalidColumns: work.invalidColumns, commitsSinceCheckpoint: commits, removedFiles: removed, retentionFloor: retention, refusals: refusals)
    }

    private static func refusals(_ snapshot: Snapshot) -> [MaintenanceTask: String] {
        var refusals: [MaintenanceTask: String] = [:]
        for (task, access) in [(MaintenanceTask.optimize, Access.maintain), (.vacuum, .vacuum), (.checkpoint, .checkpoint), (.logCleanup, .checkpoint)] {
            do { try snapshot.require(access) } catch { refusals[task] = "\(error)" }
        }
        return refusals
    }
}

/// What an OPTIMIZE as a policy asks for it would do to a table; where it cannot be as asked for, what one without the part that does not fit would.
private struct OptimizeOutlook {
    private(set) var estimate: OptimizeEstimate?
    private(set) var sorting: SortingFacts?
    private(set) var invalidCondition: String?
    private(set) var invalidColumns: String?

    init(_ snapshot: Snapshot, _ request: ObservationRequest, now: Timestamp) {
        func estimated(_ condition: String?, _ columns: [String]) throws(DeltaError) -> OptimizeEstimate {
            try snapshot.optimizeEstimate(targetFileSize: request.targetFileSize, condition: condition, zOrderBy: columns, now: now)
        }
        do { estimate = try estimated(request.condition, request.zOrderBy) } catch {
            do {
                estimate = try estimated(request.condition, [])
                invalidColumns = error.description
            } catch {
                invalidCondition = error.description
                estimate = (try? estimated(nil, request.zOrderBy)) ?? (try? estimated(nil, []))
            }
        }
        sorting = estimate.flatMap { estimate in
            estimate.sorting.map {
                SortingFacts(
                    columns: $0.columns, isTables: $0.isTables, replacesPolicys: $0.isTables && !request.zOrderBy.isEmpty, unsortedFiles: $0.unsortedFiles,
                    unsortedBytes: $0.unsortedBytes, totalFiles: $0.totalFiles, totalBytes: $0.totalBytes, rewriteBytes: estimate.sizeInBytes,
                    targetFileSize: estimate.targetFileSize)
            }
        }
    }

    var smallFiles: Int64 { estimate.map { $0.sorting?.smallFiles ?? $0.numFiles } ?? 0 }
    var smallFileBytes: Int64 { estimate.map { $0.sorting?.smallFileBytes ?? $0.sizeInBytes } ?? 0 }
}

extension DeltaTableStatus.Table {
    fileprivate init(_ snapshot: Snapshot, _ files: FileFigures, _ removed: RemovedFiles, lastCommitAt: Timestamp?) {
        let metadata = snapshot.metadata
        let action = snapshot.protocol
        let readers = FeatureRegistry.readerFeatures(action)
        let writers = FeatureRegistry.writerFeatures(action)
        let tombstones = removed.total
        self.init(
            id: metadata.id, version: snapshot.version, minReaderVersion: Int32(clamping: action.minReaderVersion),
            minWriterVersion: Int32(clamping: action.minWriterVersion), numFiles: Int64(snapshot.numFiles), sizeBytes: snapshot.sizeInBytes,
            size: snapshot.sizeInBytes.formattedBytes)
        name = metadata.name
        description = metadata.description
        createdAt = metadata.createdTime.map { Timestamp(milliseconds: $0).wholeSeconds }
        self.lastCommitAt = lastCommitAt
        lastOperation = snapshot.commitInfo?.operation
        readerFeatures = readers.isEmpty ? nil : readers
        writerFeatures = writers.isEmpty ? nil : writers
        partitionColumns = metadata.partitionColumns.isEmpty ? nil : metadata.partitionColumns
        let clustering = snapshot.clusteringColumns.map(\.name)
        clusteringColumns = clustering.isEmpty ? nil : clustering
        numRecords = files.records
        deletionVectorFiles = files.deletionVectors > 0 ? files.deletionVectors : nil
        deletionVectorRows = files.deletedRows > 0 ? files.deletedRows : nil
        self.tombstones = tombstones.files
        tombstoneBytes = tombstones.bytes
    }
}

extension DeltaTableStatus.Commit {
    init(_ record: CommitRecord) {
        self.init(version: record.version)
        timestamp = record.timestamp.wholeSeconds
        operation = record.operation
        engine = record.commitInfo?.engineInfo
        metrics = record.metrics.isEmpty ? nil : record.metrics
    }
}

extension CommitRecord {
    /// The commit's metrics, as the texts that Delta writes.
    var metrics: [String: String] {
        var metrics: [String: String] = [:]
        for (name, value) in commitInfo?.operationMetrics ?? JSONObject() { metrics[name] = value.stringValue ?? JSON.encode(value) }
        return metrics
    }
}

/// What the list of data files says, in one pass.
private struct FileFigures {
    /// Rows, deleted ones taken off; nil where a file has no count.
    var records: Int64?
    var withoutStatistics: Int64 = 0
    var deletionVectors: Int64 = 0
    var deletedRows: Int64 = 0
    let histogram: [DeltaTableStatus.Layout.SizeRange]

    /// Where the ranges of the histogram end, in MiB.
    private static let bounds: [Int64] = [1, 8, 32, 128, 512, 2048]

    init(_ files: FileTable) {
        var total: Int64 = 0
        var counts = [Int64](repeating: 0, count: Self.bounds.count + 1)
        var bytes = counts
        for index in files.indices {
            let file = files[index]
            let size = file.size
            let range = Self.bounds.firstIndex { size < $0 << 20 } ?? Self.bounds.count
            counts[range] += 1
            bytes[range] = bytes[range].clampedAdding(size)
            if let count = file.numRecords { total = total.clampedAdding(count) } else { withoutStatistics += 1 }
            if files.hasDeletionVectors, let vector = file.deletionVector {
                deletionVectors += 1
                deletedRows = deletedRows.clampedAdding(vector.cardinality)
            }
        }
        records = withoutStatistics == 0 ? total - deletedRows : nil
        let names = Self.bounds.map { $0 < 1024 ? "\($0)Mi" : "\($0 / 1024)Gi" } + ["unbounded"]
        histogram = names.indices.map { .init(upTo: names[$0], files: counts[$0], bytes: bytes[$0]) }
    }
}
