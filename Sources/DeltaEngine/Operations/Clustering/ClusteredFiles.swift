import Base
import Columnar
import ObjectStore
import Parquet

/// Writes rows, in the order in which they come, into files of about equal size. Used by one task.
final class ClusteredFiles {
    private let table: DeltaTable
    private let snapshot: Snapshot
    private let staged: StagedFiles
    private let format: NewFileFormat
    private let partitionValues: [String?]
    private let cuts: FileCuts
    private let schema: Schema
    private let nextSequence: () -> Int

    private var rowsLeft: Int64
    private var rowsDone: Int64 = 0
    /// In the new files, as far as is known.
    private var bytesPerRow: Double
    private var open: OpenFile?
    private(set) var adds: [AddFile] = []

    private struct OpenFile {
        let file: NewFile
        let rows: Int64
        var rowsWritten: Int64 = 0
    }

    /// - Parameters:
    ///   - rowCount: of all files together.
    ///   - sizeInBytes: that they may take, by what the rows have taken before.
    ///   - nextSequence: gives each file its number.
    init(
        table: DeltaTable, snapshot: Snapshot, staged: StagedFiles, format: NewFileFormat, partitionValues: [String?], cuts: FileCuts, rowCount: Int64,
        sizeInBytes: Int64, nextSequence: @escaping () -> Int
    ) {
        self.table = table
        self.snapshot = snapshot
        self.staged = staged
        self.format = format
        self.partitionValues = partitionValues
        self.cuts = cuts
        self.nextSequence = nextSequence
        schema = Schema(format.fields + format.hidden)
        rowsLeft = rowCount
        bytesPerRow = rowCount == 0 ? 1 : max(1e-6, Double(sizeInBytes) / Double(rowCount))
    }

    func write(_ columns: [Column]) async throws {
        let count = columns.first?.count ?? 0
        var start = 0
        while start < count {
            try Task.checkCancellation()
            var entry = try await openFile()
            let end = min(count, start + Int(clamping: entry.rows - entry.rowsWritten))
            // Sliced once: the writer goes on by itself where a row group ends in between.
            let part = start == 0 && end == count ? columns : columns.map { $0.slice(start..<end) }
            try await entry.file.writer.write(
                try ColumnBatch(schema: schema, columns: part.enumerated().map { $1.named(as: schema.fields[$0].type) }, rowCount: end - start))
            entry.rowsWritten += Int64(end - start)
            rowsLeft -= Int64(end - start)
            start = end
            open = entry
            if entry.rowsWritten == entry.rows { try await finishFile(entry) }
        }
    }

    /// Ends the last file; then ``adds`` is complete.
    func finish() async throws {
        guard rowsLeft == 0, open == nil else {
            throw DeltaError.corruptDataFile(path: open?.file.path.string ?? "of the new ones", reason: "\(rowsLeft) rows less came than were read")
        }
    }

    func abort() async {
        await open?.file.abort()
        open = nil
    }

    private func openFile() async throws -> OpenFile {
        if let open { return open }
        FaultPoint.hit("rewrite.beforeFile")
        let rows = cuts.rows(done: rowsDone, left: rowsLeft, bytesPerRow: bytesPerRow)
        var format = format
        format.rowGroupRows = Self.rowGroupRows(rows)
        let file = try await NewFile(
            table: table, staged: staged, format: format, metadata: snapshot.metadata, partitionValues: partitionValues, sequence: nextSequence())
        let opened = OpenFile(file: file, rows: rows)
        open = opened
        return opened
    }

    /// Row groups of a million rows; a small rest goes with them.
    static func rowGroupRows(_ rows: Int64) -> Int {
        let full = Int64(1 << 20)
        let groups = rows / full
        guard groups > 0, rows % full < full / 4 else { return Int(full) }
        return Int((rows + groups - 1) / groups)
    }

    private func finishFile(_ entry: OpenFile) async throws {
        let add = try await entry.file.finish(
            table: table, partitionKeys: snapshot.files.partitionKeys, expectedRows: entry.rows, dataChange: false)
        open = nil
        adds.append(add)
        rowsDone += entry.rows
        bytesPerRow = Double(adds.reduce(0) { $0 + $1.size }) / Double(rowsDone)
        FaultPoint.hit("rewrite.afterFile")
    }
}
