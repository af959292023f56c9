import Base
import Columnar
import ObjectStore
import Parquet

/// Looks at the files that a clone is about to commit: what its readers will find there has to be what the source's readers find.
struct CloneVerification: Sendable {
    let source: DeltaTable
    let snapshot: Snapshot
    let target: DeltaTable
    let staged: StagedFiles
    let progress: ProgressReporter

    /// A file of the source, by its position there, and the target's own of it.
    typealias Pair = (position: Int, add: AddFile)

    /// Reads a file's footer where the target has it. Throws ``DeltaError/corruptDataFile(path:reason:)`` where it has other rows than the source's log says.
    static func checkFooter(_ store: any ObjectStore, _ path: ObjectPath, of file: FileView) async throws -> Int64 {
        // No column is read, whatever its type.
        let found = try await ParquetFile.open(store, path, sizeInBytes: file.size, columns: []).metadata
        let rows = found.rowGroups.reduce(Int64(0)) { $0.saturatingAdding($1.rowCount) }
        guard found.rowCount == rows else {
            throw DeltaError.corruptDataFile(path: path.string, reason: "its footer says \(found.rowCount) rows, and \(rows) of its row groups together")
        }
        if let said = file.numRecords, said != rows {
            throw DeltaError.corruptDataFile(
                path: path.string,
                reason: "it has \(rows) rows, and the log of the source says \(said) of \(file.path); if that is wrong, compute the source's statistics anew")
        }
        return rows
    }

    /// Reads all rows of copies and of what they were copied from. Throws ``DeltaError/corruptDataFile(path:reason:)`` where they are not the same.
    func compareRows(_ pairs: [Pair]) async throws {
        try await forEach(pairs) { pair in
            let file = snapshot.files[pair.position]
            async let before = RowDigest(reading: DataFile.open(source.files, file, mapping: mapping, fields: fields))
            let after = try await RowDigest(reading: try await open(pair.add))
            guard try await before == after else {
                throw DeltaError.corruptDataFile(path: pair.add.path.decoded, reason: "its rows are not those of \(file.path) in \(source.location)")
            }
            staged.compared(after.rows)
        }
    }

    /// Reads all rows of files that stay where they are, as readers of the clone will: by its log, from its place.
    func readRows(_ pairs: [Pair]) async throws {
        try await forEach(pairs) { pair in
            let file = snapshot.files[pair.position]
            let place = try target.files.place(of: pair.add.path)
            let rows = try await Self.checkFooter(place.store, place.path, of: file)
            staged.verified(rows: rows, bytes: file.size)
            staged.read(try await RowDigest(reading: try await open(pair.add, verifyingChecksums: true)).rows)
        }
    }

    private func forEach(_ pairs: [Pair], _ body: @escaping @Sendable (Pair) async throws -> Void) async throws {
        let state = Lock(
            OperationProgress(phase: .reading, filesTotal: Int64(pairs.count), bytesTotal: pairs.reduce(0) { $0.saturatingAdding($1.add.size) }))
        let progress = progress
        _ = try await concurrentMap(pairs, limit: target.environment.parallelism) { pair in
            try await body(pair)
            state.withLock { state in
                state.filesDone += 1
                state.bytesDone = state.bytesDone.saturatingAdding(pair.add.size)
                progress(state)
            }
        }
    }

    private var mapping: ColumnMapping { snapshot.metadata.columnMapping }
    private var fields: [Field] { snapshot.metadata.dataFields.map(mapping.physical) }

    private func open(_ add: AddFile, verifyingChecksums: Bool = false) async throws -> DataFile {
        let place = try target.files.place(of: add.path)
        let whole = try await DataFile.open(
            place.store, place.path, sizeInBytes: add.size, mapping: mapping, fields: fields, hidden: [], verifyingChecksums: verifyingChecksums)
        return try whole.only(try await LiveRows.without(add.deletionVector, in: target.files))
    }
}
