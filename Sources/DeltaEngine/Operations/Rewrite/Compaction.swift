import Base
import Columnar
import ObjectStore
import Parquet

/// Rewrites bins of files, each into one file, on several threads and by the cheapest means that gives the right result (``RewriteTier``): OPTIMIZE, and what
/// stays of files of which a DELETE takes rows.
///
/// The unit of work is one column of one new row group: it takes that column's chunks of the source files in order, as pages where ``CopyRules`` let it, and
/// else decodes and encodes them. A row group that is copied whole is one unit. Units run on across row groups and files without a barrier; memory holds the
/// columns that wait for their turn to be written, within a budget. Used by one task.
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
    private let mayCopy: Bool
    /// By position in the snapshot: the rows that do not come along, in place of what the file's own deletion vector says.
    private let deleted: [Int: DeletedRows]
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
    /// The bytes of the source files that each tier took.
    private(set) var bytesByTier: [RewriteTier: Int64] = [:]

    /// Rows that are decoded at once: enough to make calls cheap, little enough to stay in the cache.
    static let batchRows = 16_384

    /// - Parameters:
    ///   - mayCopy: whether row groups and pages may be taken over as they are.
    ///   - deleted: by position in the snapshot, for files that lose rows: those rows, and what the file's own deletion vector says. Then data changes.
    ///
    /// Throws ``DeltaError/invalidMetadata(reason:)`` for a table whose rows have ids and no columns to take them along in.
    init(
        table: DeltaTable, snapshot: Snapshot, bins: [OptimizePlan.Bin], codec: OptimizeOptions.Codec, mayCopy: Bool = true,
        deleting deleted: [Int: DeletedRows] = [:], staged: StagedFiles, progress: @escaping ProgressReporter
    ) throws(DeltaError) {
        self.table = table
        self.snapshot = snapshot
        self.codec = codec
        self.mayCopy = mayCopy
        self.deleted = deleted
        self.staged = staged
        self.progress = progress
        fields = snapshot.metadata.dataFields.map(snapshot.metadata.columnMapping.physical)
        rowIds = try RowIdColumns(snapshot)
        self.bins = bins[...]
        state = OperationProgress(
            phase: .rewriting, filesTotal: bins.reduce(0) { $0 + Int64($1.files.count) }, bytesTotal: bins.reduce(0) { $0.saturatingAdding($1.sizeInBytes) })
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

    private func nextUnit() async throws -> (job: RewriteUnit, weight: Int64)? {
        while true {
            if let unit = current?.nextUnit() { return (unit, unit.weight) }
            guard let bin = bins.popFirst() else { return nil }
            current = try await start(bin)
        }
    }

    /// Opens a bin's files; nil for a bin that is better left alone.
    private func start(_ bin: OptimizePlan.Bin) async throws -> BinRewrite? {
        let tableFiles = table.files
        let fields = fields
        let hidden = rowIds?.fields ?? []
        let mapping = snapshot.metadata.columnMapping
        let sources = bin.files.map { (view: snapshot.files[$0], deleted: deleted[$0]) }
        let defaults = try rowIds.map { _ in try sources.map { try RowIdColumns.defaults(of: $0.view, version: snapshot.version) } } ?? []
        let files = try await concurrentMap(sources, limit: max(8, table.environment.parallelism * 4)) { source in
            try await DataFile.open(tableFiles, source.view, deleting: source.deleted, mapping: mapping, fields: fields, hidden: hidden)
        }
        // What one file says of its calendar can be said of the one file that comes of it.
        if files.count > 1, let legacy = files.first(where: \.hasLegacyCalendar) {
            table.environment.logger.warning(
                "files with dates in Spark's legacy calendar are left as they are", ["file": legacy.file.path, "files": bin.files.count])
            skippedFiles += bin.files.count
            return nil
        }
        for file in files { try file.checkCalendarCarries() }
        guard files.contains(where: { $0.liveRows > 0 }) else {
            // Nothing but deleted rows, or none at all: the files go, and no other comes.
            outputs.append(Output(add: nil, sources: bin.files))
            state.filesDone += Int64(bin.files.count)
            return nil
        }
        guard !fields.isEmpty || !hidden.isEmpty else {
            // All columns are partition columns: files without any cannot be put together column by column.
            skippedFiles += bin.files.count
            return nil
        }
        FaultPoint.hit("rewrite.beforeFile")
        let compression = files.reduce(into: CodecSizes()) { $0.add($1) }.compression(codec)
        var format = NewFileFormat(snapshot, hidden: hidden, compression: compression, environment: table.environment)
        format.keyValues = files.first?.calendarEntries ?? []
        let file = try await NewFile(
            table: table, staged: staged, format: format, metadata: snapshot.metadata, partitionValues: bin.partitionValues, sequence: sequence)
        sequence += 1
        let rules = mayCopy ? CopyRules(codec: codec, compression: compression, hasRowDefaults: rowIds != nil) : nil
        let rewrite = BinRewrite(bin: bin, files: files, defaults: defaults, rules: rules, output: file)
        open.append(rewrite)
        return rewrite
    }

    // MARK: Taking results, in order

    private func take(_ result: RewriteUnit.Result) async throws {
        guard let bin = open.first else { return }
        try await bin.append(result)
        bytesByTier[result.tier, default: 0] += result.sourceBytes
        state.bytesDone = state.bytesDone.saturatingAdding(result.sourceBytes)
        if bin.isComplete {
            open.removeFirst()
            var add = try await bin.file.finish(
                table: table, partitionKeys: snapshot.files.partitionKeys, expectedRows: bin.rowCount, dataChange: !deleted.isEmpty)
            if bin.bin.files.count == 1, let source = bin.bin.files.first { add = ClusterBy.inPlace(of: snapshot.files[source], add) }
            FaultPoint.hit("rewrite.afterFile")
            outputs.append(Output(add: add, sources: bin.bin.files))
            state.filesDone += Int64(bin.bin.files.count)
        }
        progress(state)
    }
}
