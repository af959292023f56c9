import Base
import Columnar
import ObjectStore
import Parquet

/// Rewrites bins of files, each into one file, decoding and encoding columns on several threads (the re-encoding tier of OPTIMIZE).
///
/// The unit of work is one column of one new row group: it reads that column's chunks from the source files in order and encodes them. Units run on
/// across row groups and files without a barrier; memory holds the encoded columns that wait for their turn to be written, within a budget.
/// Used by one task.
final class Compaction {
    /// A file that is done.
    struct Output {
        /// nil where the bin's files have no row left.
        let add: AddFile?
        /// The bin's files, as positions in the snapshot's table.
        let sources: [Int]
    }

    private let table: DeltaTable
    private let snapshot: Snapshot
    private let codec: OptimizeOptions.Codec
    private let staged: StagedFiles
    private let fields: [Field]
    /// nil where rows have no ids to keep.
    private let rowIds: RowIdColumns?
    private let pipeline: OrderedPipeline
    private let progress: ProgressReporter

    private var state: OperationProgress
    private var bins: ArraySlice<OptimizePlan.Bin>
    private var sequence = 0
    /// The bin whose units are being handed out.
    private var current: BinRewrite?
    /// Those whose units have not all been written, the current one included, oldest first.
    private var open: [BinRewrite] = []
    private(set) var outputs: [Output] = []
    /// Bins that had to be left as they are.
    private(set) var skippedFiles = 0

    /// Rows that are decoded at once: enough to make calls cheap, little enough to stay in the cache.
    static let batchRows = 16_384

    /// Throws ``DeltaError/invalidMetadata(reason:)`` for a table whose rows have ids and no columns to take them along in.
    init(
        table: DeltaTable, snapshot: Snapshot, plan: OptimizePlan, codec: OptimizeOptions.Codec, staged: StagedFiles, progress: @escaping ProgressReporter
    ) throws(DeltaError) {
        self.table = table
        self.snapshot = snapshot
        self.codec = codec
        self.staged = staged
        self.progress = progress
        fields = snapshot.metadata.dataFields.map(snapshot.metadata.columnMapping.physical)
        rowIds = try RowIdColumns(snapshot)
        bins = plan.bins[...]
        state = OperationProgress(phase: .rewriting, filesTotal: Int64(plan.fileCount), bytesTotal: plan.sizeInBytes)
        let environment = table.environment
        // One more than there are threads, so that none waits for a result to be written. Encoders hold about what they encode.
        pipeline = OrderedPipeline(concurrency: environment.parallelism + 1, maximumWeight: max(32 << 20, min(environment.memoryBudget / 3, 96 << 20)))
    }

    /// Whether the new files have their rows' ids.
    var keepsRowIds: Bool { rowIds != nil }

    func run() async throws {
        progress(state)
        do {
            try await pipeline.run(next: { try await self.nextUnit() }, body: { try await $0.run() }, consume: { try await self.take($0) })
        } catch {
            for bin in open { await bin.file.abort() }
            throw error
        }
    }

    // MARK: Handing out units

    private func nextUnit() async throws -> (job: ColumnUnit, weight: Int64)? {
        while true {
            if let unit = current?.nextUnit() { return (unit, unit.weight) }
            guard let bin = bins.popFirst() else { return nil }
            current = try await start(bin)
        }
    }

    /// Opens a bin's files; nil for a bin that is better left alone.
    private func start(_ bin: OptimizePlan.Bin) async throws -> BinRewrite? {
        let store = table.store
        let fields = fields
        let hidden = rowIds?.fields ?? []
        let mapping = snapshot.metadata.columnMapping
        let views = bin.files.map { snapshot.files[$0] }
        let defaults = try rowIds.map { _ in try views.map { try RowIdColumns.defaults(of: $0, version: snapshot.version) } } ?? []
        let files = try await concurrentMap(views, limit: max(8, table.environment.parallelism * 4)) { view in
            try await DataFile.open(store, view, mapping: mapping, fields: fields, hidden: hidden)
        }
        if let legacy = files.first(where: \.hasLegacyCalendar) {
            table.environment.logger.warning(
                "files with dates in Spark's legacy calendar are left as they are", ["file": legacy.file.path, "files": bin.files.count])
            skippedFiles += bin.files.count
            return nil
        }
        guard files.contains(where: { $0.liveRows > 0 }) else {
            // Nothing but deleted rows, or none at all: the files go, and no other comes.
            outputs.append(Output(add: nil, sources: bin.files))
            state.filesDone += Int64(bin.files.count)
            return nil
        }
        FaultPoint.hit("optimize.beforeFile")
        let format = NewFileFormat(snapshot, hidden: hidden, compression: Self.compression(codec, files), environment: table.environment)
        let file = try await NewFile(
            table: table, staged: staged, format: format, metadata: snapshot.metadata, partitionValues: bin.partitionValues, sequence: sequence)
        sequence += 1
        let rewrite = BinRewrite(bin: bin, files: files, defaults: defaults, output: file)
        open.append(rewrite)
        return rewrite
    }

    /// `keep` is what most of the bin's compressed bytes are compressed with, or zstd where Levee does not write that codec. Uncompressed chunks count
    /// only where all are: a writer stores so what would hardly shrink (``WriterOptions/minimumSavings``), whatever its codec.
    private static func compression(_ codec: OptimizeOptions.Codec, _ files: [DataFile]) -> Compression {
        switch codec {
        case .snappy: return .snappy
        case .zstd: return .zstd()
        case .keep:
            var bytes: [CompressionCodec: Int64] = [:]
            for file in files {
                for group in file.rowGroups {
                    for column in group.columns { bytes[column.codec, default: 0] += column.totalCompressedSize }
                }
            }
            if !bytes.isEmpty, bytes.keys.allSatisfy({ $0 == .uncompressed }) { return .uncompressed }
            bytes[.uncompressed] = nil
            switch bytes.max(by: { $0.value < $1.value })?.key {
            case .snappy: return .snappy
            case .gzip: return .gzip()
            default: return .zstd()
            }
        }
    }

    // MARK: Taking results, in order

    private func take(_ result: ColumnUnit.Result) async throws {
        guard let bin = open.first else { return }
        try await bin.append(result.chunk)
        state.bytesDone = state.bytesDone.saturatingAdding(result.sourceBytes)
        if bin.isComplete {
            open.removeFirst()
            let add = try await bin.file.finish(
                table: table, partitionKeys: snapshot.files.partitionKeys, expectedRows: bin.rowCount, dataChange: false)
            FaultPoint.hit("optimize.afterFile")
            outputs.append(Output(add: add, sources: bin.bin.files))
            state.filesDone += Int64(bin.bin.files.count)
        }
        progress(state)
    }
}

/// One bin on its way: which units it still has to give, which of its columns are written.
private final class BinRewrite {
    let bin: OptimizePlan.Bin
    let file: NewFile
    let rowCount: Int64
    private let files: [DataFile]
    /// For each file, the values of its last columns in rows that have none of their own.
    private let defaults: [[RowDefault]]
    private let groups: [[RowGroupLayout.Source]]
    private let columnCount: Int
    private var unitsGiven = 0
    private var unitsWritten = 0
    private var encoders: [ColumnChunkEncoder] = []
    private var rowGroup: ParquetWriter.RowGroupWriter?

    init(bin: OptimizePlan.Bin, files: [DataFile], defaults: [[RowDefault]], output: NewFile) {
        self.bin = bin
        self.files = files
        self.defaults = defaults
        file = output
        let sources = files.enumerated().flatMap { index, file in
            file.rowGroups.enumerated().map {
                RowGroupLayout.Source(file: index, rowGroup: $0, rows: file.liveRows(rowGroup: $0), compressedBytes: $1.compressedSize)
            }
        }
        groups = RowGroupLayout().groups(sources)
        rowCount = sources.reduce(0) { $0.saturatingAdding($1.rows) }
        columnCount = files.first?.fields.count ?? 0
    }

    var isComplete: Bool { unitsWritten == groups.count * columnCount }

    func nextUnit() -> ColumnUnit? {
        guard unitsGiven < groups.count * columnCount else { return nil }
        let column = unitsGiven % columnCount
        if column == 0 { encoders = file.writer.makeEncoders() }
        defer { unitsGiven += 1 }
        let firstDefault = columnCount - (defaults.first?.count ?? 0)
        return ColumnUnit(
            files: files, sources: groups[unitsGiven / columnCount], column: column,
            defaults: column < firstDefault ? nil : defaults.map { $0[column - firstDefault] }, encoder: encoders[column])
    }

    /// Writes the next column.
    func append(_ chunk: EncodedColumnChunk) async throws {
        let group: ParquetWriter.RowGroupWriter
        if let rowGroup {
            group = rowGroup
        } else {
            group = file.writer.beginRowGroup(rowCount: Int(clamping: groups[unitsWritten / columnCount].reduce(0) { $0 + $1.rows }))
            rowGroup = group
        }
        try await group.append(chunk)
        unitsWritten += 1
        if unitsWritten % columnCount == 0 {
            try await group.finish()
            rowGroup = nil
        }
    }
}

/// One column of one new row group.
private struct ColumnUnit: Sendable {
    struct Result: Sendable {
        let chunk: EncodedColumnChunk
        let sourceBytes: Int64
    }

    let files: [DataFile]
    let sources: [RowGroupLayout.Source]
    let column: Int
    /// For each file, what stands in place of null; nil for a column in which null is a value.
    let defaults: [RowDefault]?
    let encoder: ColumnChunkEncoder

    /// What its result takes, roughly: what it is encoded from.
    var weight: Int64 { sources.reduce(0) { $0.saturatingAdding(sourceBytes($1)) } }

    func run() async throws -> Result {
        var pending = try await reader(sources[0])
        for index in sources.indices {
            // The next chunk is fetched while this one is decoded.
            async let following = index + 1 < sources.count ? reader(sources[index + 1]) : nil
            try encode(pending, sources[index])
            pending = try await following
        }
        return Result(chunk: try encoder.finish(), sourceBytes: weight)
    }

    private func reader(_ source: RowGroupLayout.Source) async throws -> ColumnChunkReader? {
        guard let position = files[source.file].positions[column] else { return nil }
        return try await files[source.file].file.columnReader(rowGroup: source.rowGroup, column: position, keepingDictionary: defaults == nil)
    }

    /// Appends one source's rows, without those that are deleted; without a reader, what stands in place of null.
    private func encode(_ reader: ColumnChunkReader?, _ source: RowGroupLayout.Source) throws {
        let file = files[source.file]
        let type = file.fields[column].type
        if let defaults { return try encode(reader, source, defaults[source.file]) }
        guard let reader else {
            var left = Int(clamping: source.rows)
            while left > 0 {
                let rows = min(left, Compaction.batchRows)
                try encoder.append(.nulls(type, count: rows))
                left -= rows
            }
            return
        }
        var row = 0
        while let batch = try reader.next(maxRows: Compaction.batchRows) {
            try Task.checkCancellation()
            let adapted = try file.adapt(batch, column)
            let kept = file.kept(rowGroup: source.rowGroup, rows: Int64(row)..<Int64(row + batch.count))
            row += batch.count
            try encoder.append(try kept.map { rows throws(ColumnarError) in try adapted.gathering(rows) } ?? adapted)
        }
    }

    /// As ``encode(_:_:)`` for a column in which rows without a value have one by where they are: in the source, the deleted ones counted.
    private func encode(_ reader: ColumnChunkReader?, _ source: RowGroupLayout.Source, _ rowDefault: RowDefault) throws {
        let file = files[source.file]
        let first = file.firstRow(rowGroup: source.rowGroup)
        let count = file.rowGroups[source.rowGroup].rowCount
        var row: Int64 = 0
        while row < count {
            try Task.checkCancellation()
            var given: Column?
            if let reader {
                guard let batch = try reader.next(maxRows: Compaction.batchRows) else { return }
                given = try file.adapt(batch, column)
            }
            let rows = row..<(row + (given.map { Int64($0.count) } ?? min(Int64(Compaction.batchRows), count - row)))
            let values = rowDefault.filling(given, (first + rows.lowerBound)..<(first + rows.upperBound))
            let kept = file.kept(rowGroup: source.rowGroup, rows: rows)
            try encoder.append(try kept.map { kept throws(ColumnarError) in try values.gathering(kept) } ?? values)
            row = rows.upperBound
        }
    }

    private func sourceBytes(_ source: RowGroupLayout.Source) -> Int64 {
        let file = files[source.file]
        guard let position = file.positions[column] else { return 0 }
        return file.file.compressedSize(rowGroup: source.rowGroup, column: position)
    }
}
