import Base
import Columnar
import ObjectStore
import Parquet

/// Rewrites the files of a cube so that their rows lie along a curve: rows are read once and put aside by the stretch of the curve that they lie in, then
/// each stretch is put in order and written.
///
/// Memory is bounded whatever the rows are: runs, the stretches in work, and a row group of the file that is being written. Used by one task.
struct ClusterSort {
    let table: DeltaTable
    let snapshot: Snapshot
    let cube: ClusterPlan.Cube
    let clustering: ClusterBy
    let codec: OptimizeOptions.Codec
    let targetFileSize: Int64
    let staged: StagedFiles

    /// That rows are put aside by; what is in one and too much is put aside once more.
    var mostRanges = 2048

    private let fields: [Field]
    private let rowIds: RowIdColumns?
    private let memory: Int64

    struct Output {
        var adds: [AddFile] = []
        /// The files that the new ones take the place of, as positions in the snapshot's table.
        var sources: [Int] = []
        /// Files that were left as they are.
        var skipped = 0
        var sourceBytes: Int64 = 0
    }

    /// More is not faster: what a batch takes should be little beside the caches, and what is put aside is in the system's memory anyhow.
    private static let mostMemory: Int64 = 384 << 20
    private static let mostBatchRows = 65_536
    /// A file from this size on is read a row group at a time.
    private static let largeFile: Int64 = 32 << 20
    private static let mostFilesOfJob = 256

    /// Throws ``DeltaError/invalidMetadata(reason:)`` for a table whose rows have ids and no columns to take them along in.
    init(
        table: DeltaTable, snapshot: Snapshot, cube: ClusterPlan.Cube, clustering: ClusterBy, codec: OptimizeOptions.Codec, targetFileSize: Int64,
        staged: StagedFiles
    ) throws(DeltaError) {
        self.table = table
        self.snapshot = snapshot
        self.cube = cube
        self.clustering = clustering
        self.codec = codec
        self.targetFileSize = targetFileSize
        self.staged = staged
        fields = snapshot.metadata.dataFields.map(snapshot.metadata.columnMapping.physical)
        rowIds = try RowIdColumns(snapshot)
        memory = max(256 << 10, min(table.environment.memoryBudget, Self.mostMemory))
    }

    /// - Parameters:
    ///   - nextSequence: numbers the new files.
    ///   - progress: told the bytes of source files that have been read since the last call.
    func run(nextSequence: @escaping () -> Int, progress: @escaping (Int64) -> Void) async throws -> Output {
        let views = cube.files.map { snapshot.files[$0] }
        let sample = try await ClusterSample.take(of: views, clustering.columns, codec, parallelism: table.environment.parallelism, open: open)
        FaultPoint.hit("cluster.sampled")
        let rowCount = views.reduce(Int64(0)) { $0.saturatingAdding($1.liveRows ?? Int64(sample.rowsPerFile)) }
        let positions = RowPositions(clustering.columns, clustering.curve, sample: sample.columns)
        let expectedBytes = Double(rowCount) * (sample.bytesPerRow + 8)
        let fitsInMemory = expectedBytes * 1.25 < Double(memory / 3)
        let batchBytes = batchBytes(expectedBytes)
        let count = min(mostRanges, max(1, Int((expectedBytes / Double(batchBytes)).rounded(.up))))
        let keys = positions.keys(ofLeaves: sample.columns, rowCount: sample.columns.first?.count ?? 0)
        let cells = clustering.columns.count > 1 ? CurveCells(sample: keys.sorted(), files: plannedFiles(views)) : nil
        let runs = RowRuns(
            fields: fields + (rowIds?.fields ?? []), positions: positions,
            ranges: KeyRanges(sample: keys, count: count, others: cells?.starts.compactMap { $0 } ?? []),
            file: fitsInMemory
                ? SpillFile() : try SpillFile(directory: table.environment.scratchDirectory, threads: table.environment.parallelism))
        let read = try await self.read(views, into: runs, runBytes: batchBytes, sample, progress)
        FaultPoint.hit("cluster.distributed")
        let cuts = FileCuts(targetFileSize: targetFileSize, cellEnds: cells?.ends(runs.rowsOfRanges, of: runs.ranges) ?? [])
        return try await write(read, runs, sample.compression, batchBytes: batchBytes, cuts, nextSequence)
    }

    /// By what the rows take now.
    private func plannedFiles(_ views: [FileView]) -> Int64 {
        let size = views.reduce(Int64(0)) { $0.saturatingAdding($1.liveSize) }
        return FileCuts.count(Double(size), targetFileSize: targetFileSize, columns: clustering.columns.count)
    }

    /// Rows that are decoded at a time.
    private func batchRows(_ sample: ClusterSample) -> Int {
        min(Self.mostBatchRows, max(1024, Int(Double(memory / 32) / sample.bytesPerRow)))
    }

    /// How large runs are, and what is put in order at a time. Blocks of a few megabytes stay with the process (`BlockPool`), where larger ones would come
    /// fresh from the kernel each time; but what a run has of a range should be worth a read of its own.
    private func batchBytes(_ total: Double) -> Int {
        Int(min(Double(memory / 12), max(Double(min(4 << 20, memory / 14)), (total * Double(Self.pieceBytes)).squareRoot())))
    }

    private static let pieceBytes = 32 << 10

    // MARK: Reading

    private struct Read {
        var runs: [RowRuns.Run] = []
        /// Places among the cube's files of those that were not read.
        var skipped: Set<Int> = []
        var rowCount: Int64 = 0
    }

    /// What one thread reads, and makes about one run of: some files, or some row groups of one.
    private enum Job: Sendable {
        case files([(place: Int, view: FileView)])
        case rowGroups(DataFile, Range<Int>, place: Int)
    }

    private struct JobResult: Sendable {
        var runs: [RowRuns.Run] = []
        var skipped: [Int] = []
        var rowCount: Int64 = 0
        var sourceBytes: Int64 = 0
    }

    private var open: @Sendable (FileView) async throws -> DataFile {
        let (tableFiles, fields, hidden, mapping) = (table.files, fields, rowIds?.fields ?? [], snapshot.metadata.columnMapping)
        return { view in try await DataFile.open(tableFiles, view, mapping: mapping, fields: fields, hidden: hidden) }
    }

    private func read(_ views: [FileView], into runs: RowRuns, runBytes: Int, _ sample: ClusterSample, _ progress: @escaping (Int64) -> Void) async throws
        -> Read
    {
        var read = Read()
        var next = 0
        var pending: [(job: Job, weight: Int64)] = []
        let overhead = Int64(runBytes) * 7 / 2
        // Of a file that does not say how many rows it has.
        let rowsOfFile = Int64(sample.rowsPerFile)
        let rowsOfRun = max(1, Int64(Double(runBytes) / (sample.bytesPerRow + 8)))
        let open = open
        let (version, tracksRows) = (snapshot.version, rowIds != nil)
        let reader = Reader(
            runs: runs, mostRunBytes: runBytes * 5 / 4, batchRows: batchRows(sample),
            defaults: { (view) throws(DeltaError) in tracksRows ? try RowIdColumns.defaults(of: view, version: version) : [] })
        let pipeline = OrderedPipeline(concurrency: table.environment.parallelism + 1, maximumWeight: memory * 6 / 10)
        try await pipeline.run(
            next: {
                while pending.isEmpty, next < views.count {
                    if views[next].size >= Self.largeFile {
                        let file = try await open(views[next])
                        if file.hasLegacyCalendar {
                            read.skipped.insert(next)
                        } else {
                            pending = file.stretches(ofRows: rowsOfRun).reversed().map { groups in
                                (.rowGroups(file, groups, place: next), file.compressedSize(groups) + overhead)
                            }
                        }
                        next += 1
                    } else {
                        var files: [(Int, FileView)] = []
                        var size: Int64 = 0
                        var rows: Int64 = 0
                        while next < views.count, files.count < Self.mostFilesOfJob, views[next].size < Self.largeFile {
                            let more = views[next].liveRows ?? rowsOfFile
                            if !files.isEmpty, rows + more > rowsOfRun { break }
                            files.append((next, views[next]))
                            size += views[next].size
                            rows += more
                            next += 1
                        }
                        pending.append((.files(files), size + overhead))
                    }
                }
                return pending.popLast()
            },
            body: { [views] (job: Job) -> JobResult in
                switch job {
                case let .files(files): try await reader.read(files, open)
                case let .rowGroups(file, groups, place): try await reader.read(file, views[place], groups)
                }
            },
            consume: { (result: JobResult) in
                read.runs += result.runs
                read.skipped.formUnion(result.skipped)
                read.rowCount += result.rowCount
                progress(result.sourceBytes)
            })
        return read
    }

    /// Reads live rows into runs.
    private struct Reader: Sendable {
        let runs: RowRuns
        let mostRunBytes: Int
        let batchRows: Int
        let defaults: @Sendable (FileView) throws(DeltaError) -> [RowDefault]

        func read(_ files: [(place: Int, view: FileView)], _ open: @Sendable (FileView) async throws -> DataFile) async throws -> JobResult {
            var result = JobResult()
            var batches: [[Column]] = []
            var size = 0
            for (place, view) in files {
                let file = try await open(view)
                result.sourceBytes += view.size
                // What one file says of its calendar cannot be said of rows of several.
                guard !file.hasLegacyCalendar else {
                    result.skipped.append(place)
                    continue
                }
                try await read(file, view, try file.scan(), &batches, &size, &result)
            }
            if !batches.isEmpty { result.runs.append(try await runs.makeRun(of: batches)) }
            return result
        }

        func read(_ file: DataFile, _ view: FileView, _ groups: Range<Int>) async throws -> JobResult {
            var result = JobResult()
            var batches: [[Column]] = []
            var size = 0
            try await read(file, view, try file.scan(rowGroups: Array(groups)), &batches, &size, &result)
            if !batches.isEmpty { result.runs.append(try await runs.makeRun(of: batches)) }
            result.sourceBytes = file.compressedSize(groups)
            return result
        }

        private func read(
            _ file: DataFile, _ view: FileView, _ scan: FileScan, _ batches: inout [[Column]], _ size: inout Int, _ result: inout JobResult
        ) async throws {
            let defaults = try defaults(view)
            while let run = try await scan.next(maxRows: batchRows) {
                try Task.checkCancellation()
                let columns = try file.wantedColumns(of: run, defaults: defaults)
                let rows = columns.first?.count ?? 0
                if rows == 0 { continue }
                batches.append(columns)
                result.rowCount += Int64(rows)
                size += columns.reduce(0) { $0 + $1.sizeInBytes }
                if size >= mostRunBytes {
                    result.runs.append(try await runs.makeRun(of: batches))
                    (batches, size) = ([], 0)
                }
            }
        }
    }

    // MARK: Writing

    private func write(
        _ read: Read, _ runs: RowRuns, _ compression: Compression, batchBytes: Int, _ cuts: FileCuts, _ nextSequence: @escaping () -> Int
    ) async throws -> Output {
        var output = Output(skipped: read.skipped.count)
        for (place, position) in cube.files.enumerated() where !read.skipped.contains(place) {
            output.sources.append(position)
            output.sourceBytes = output.sourceBytes.saturatingAdding(snapshot.files[position].size)
        }
        guard read.rowCount > 0 else { return output }
        var format = NewFileFormat(
            snapshot, hidden: rowIds?.fields ?? [], compression: compression, environment: table.environment)
        // A row group waits in memory until it is complete.
        format.rowGroupBytes = Int(min(128 << 20, memory / 2))
        let liveBytes = output.sources.reduce(Int64(0)) { $0.saturatingAdding(snapshot.files[$1].liveSize) }
        let files = ClusteredFiles(
            table: table, snapshot: snapshot, staged: staged, format: format, partitionValues: cube.partitionValues,
            cuts: cuts, rowCount: read.rowCount, sizeInBytes: liveBytes,
            nextSequence: nextSequence)
        do {
            let sorted = SortedRows(runs, read.runs, targetBytes: batchBytes, parallelism: table.environment.parallelism)
            let pipeline = OrderedPipeline(concurrency: table.environment.parallelism + 1, maximumWeight: memory / 2)
            try await pipeline.run(
                next: { try await sorted.next().map { ($0, Int64($0.sizeInBytes) * 5 / 2) } },
                body: { try await SortedRows.read($0) },
                consume: { try await files.write($0) })
            try await files.finish()
        } catch {
            await files.abort()
            throw error
        }
        let cubeId = UUID.v4(table.environment.random).description
        output.adds = files.adds.map { clustering.tagged($0, cube: cubeId) }
        return output
    }
}

extension DataFile {
    /// Neighbouring row groups that have about so many rows together.
    fileprivate func stretches(ofRows rows: Int64) -> [Range<Int>] {
        var stretches: [Range<Int>] = []
        var start = 0
        var sum: Int64 = 0
        for group in rowGroups.indices {
            let more = liveRows(rowGroup: group)
            if sum > 0, sum + more > rows {
                stretches.append(start..<group)
                (start, sum) = (group, 0)
            }
            sum += more
        }
        if sum > 0 { stretches.append(start..<rowGroups.count) }
        return stretches
    }

    fileprivate func compressedSize(_ groups: Range<Int>) -> Int64 { groups.reduce(0) { $0.saturatingAdding(rowGroups[$1].compressedSize) } }

    /// The rows of a run that are wanted, column by column.
    ///
    /// - Parameter defaults: what stands in place of null in the last columns.
    func wantedColumns(of run: RowRun, defaults: [RowDefault]) throws(ColumnarError) -> [Column] {
        if defaults.isEmpty { return try wanted(of: run).columns }
        let kept = kept(rowGroup: run.rowGroup, rows: run.rows)
        let first = firstRow(rowGroup: run.rowGroup)
        var stored = run.batch.columns.makeIterator()
        var columns: [Column] = []
        for (index, position) in positions.enumerated() {
            var column: Column?
            if position != nil, let read = stored.next() { column = try adapt(read, index) }
            let place = index - (fields.count - defaults.count)
            if place >= 0 {
                column = defaults[place].filling(column, (first + run.rows.lowerBound)..<(first + run.rows.upperBound))
            }
            let whole = column ?? .nulls(fields[index].type, count: run.rows.count)
            columns.append(try kept.map { kept throws(ColumnarError) in try whole.gathering(kept) } ?? whole)
        }
        return columns
    }
}

extension FileView {
    /// Without the rows that a deletion vector takes away; nil where the statistics do not say.
    var liveRows: Int64? { numRecords.map { max(0, $0 - (deletionVector?.cardinality ?? 0)) } }

    /// What the rows that are alive take of the file's bytes, as far as its statistics say.
    var liveSize: Int64 {
        guard let vector = deletionVector, let rows = numRecords, rows > 0 else { return size }
        return Int64(Double(size) * (1 - min(1, Double(vector.cardinality) / Double(rows))))
    }
}
