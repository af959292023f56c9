import Base
import Columnar
import Parquet

/// One bin on its way: which units it still has to give, which of its columns are written. Used by one task.
final class BinRewrite {
    let bin: OptimizePlan.Bin
    let file: NewFile
    let rowCount: Int64
    private let files: [DataFile]
    /// For each file, the values of its last columns in rows that have none of their own.
    private let defaults: [[RowDefault]]
    /// nil where nothing is to be copied.
    private let rules: CopyRules?
    private let columnCount: Int

    /// The new row groups whose units have not all been given.
    private var groups: ArraySlice<[RowGroupLayout.Source]>
    /// What the first of them gives next.
    private var column = 0
    private var encoders: [ColumnChunkEncoder] = []
    private var copiers: [ColumnChunkCopier] = []

    private var rowsWritten: Int64 = 0
    private var rowGroup: ParquetWriter.RowGroupWriter?
    private var columnsWritten = 0

    init(bin: OptimizePlan.Bin, files: [DataFile], defaults: [[RowDefault]], rules: CopyRules?, output: NewFile) {
        self.bin = bin
        self.files = files
        self.defaults = defaults
        self.rules = rules
        file = output
        let sources = files.enumerated().flatMap { index, file in
            file.rowGroups.enumerated().map {
                RowGroupLayout.Source(file: index, rowGroup: $0, rows: file.liveRows(rowGroup: $0), compressedBytes: $1.compressedSize)
            }
        }
        groups = RowGroupLayout().groups(sources)[...]
        rowCount = sources.reduce(0) { $0.saturatingAdding($1.rows) }
        columnCount = files.first?.fields.count ?? 0
    }

    var isComplete: Bool { rowsWritten == rowCount && rowGroup == nil }

    func nextUnit() -> RewriteUnit? {
        guard columnCount > 0, let sources = groups.first else { return nil }
        if column == 0 {
            if let only = sources.first, sources.count == 1, let rules, rules.canCopy(files[only.file], rowGroup: only.rowGroup, to: file.writer) {
                groups = groups.dropFirst()
                return .rowGroup(RowGroupCopy(file: files[only.file], rowGroup: only.rowGroup))
            }
            encoders = file.writer.makeEncoders()
            copiers = rules == nil ? [] : file.writer.makeCopiers()
        }
        defer {
            column += 1
            if column == columnCount {
                column = 0
                groups = groups.dropFirst()
            }
        }
        let firstDefault = columnCount - (defaults.first?.count ?? 0)
        let defaults = column < firstDefault ? nil : defaults.map { $0[column - firstDefault] }
        let canCopy = rules?.canCopy(sources, of: files, column: column, to: copiers[column]) ?? false
        return .column(
            ColumnUnit(
                files: files, sources: sources, column: column, defaults: defaults, encoder: encoders[column],
                copier: canCopy && defaults == nil ? copiers[column] : nil))
    }

    /// Writes what comes next: units' results come back in the order in which the units were given.
    func append(_ result: RewriteUnit.Result) async throws {
        switch result.content {
        case let .rowGroup(source, leavesWithoutNaN):
            try await file.writer.appendRowGroup(copying: source.file.file, rowGroup: source.rowGroup, leavesWithoutNaN: leavesWithoutNaN)
            rowsWritten += source.file.rowGroups[source.rowGroup].rowCount
        case let .column(chunk):
            let group = rowGroup ?? file.writer.beginRowGroup(rowCount: chunk.rowCount)
            rowGroup = group
            try await group.append(chunk)
            columnsWritten += 1
            guard columnsWritten == columnCount else { return }
            try await group.finish()
            rowsWritten += Int64(chunk.rowCount)
            (rowGroup, columnsWritten) = (nil, 0)
        }
    }
}
