import Base
import Columnar
import ObjectStore

/// Finds the rows of files that a condition is true of, by the columns that it needs.
struct RowMatcher: Sendable {
    private let files: TableFiles
    private let metadata: TableMetadata
    private let query: RowQuery

    /// What was found in a file.
    struct Match: Sendable {
        /// In the snapshot's file table.
        let position: Int
        /// Rows of the file, those that its deletion vector takes away included.
        let rowCount: Int64
        /// What its deletion vector takes away.
        let before: DeletedRows
        /// Rows that it leaves and the condition is true of.
        let found: DeletedRows
        /// As ``DataFile/hasLegacyCalendar``.
        let hasLegacyCalendar: Bool

        var liveRows: Int64 { rowCount - before.count }
    }

    /// Throws ``DeltaError/invalidRequest(reason:)`` for a condition that cannot be used.
    init(_ table: DeltaTable, _ snapshot: Snapshot, condition: String, now: Timestamp) throws(DeltaError) {
        files = table.files
        metadata = snapshot.metadata
        query = try RowQuery(ReadOptions(columns: [], condition: condition), over: snapshot.schema.fields, now: now)
    }

    func match(_ view: FileView, at position: Int) async throws -> Match {
        let constants = try metadata.partitionConstants(view.partitionValues)
        var before = DeletedRows.none
        if let vector = view.deletionVector { before = try await DeletionVectorReader(files: files).read(vector) }
        let file = try await DataFile.open(
            files, view, deleting: before, mapping: metadata.columnMapping, fields: query.needed.filter { constants[$0.name] == nil })
        let batches = try FileBatches(file: file, query: query, constants: constants, keepingDictionary: true)
        var found = DeletedRowsBuilder()
        while let placed = try await batches.nextPlaced() {
            try Task.checkCancellation()
            for row in try query.matchingRows(of: placed.batch) ?? Array(0..<placed.batch.rowCount) { found.append(placed.place(of: row)) }
        }
        return Match(position: position, rowCount: file.rowCount, before: before, found: found.finish(), hasLegacyCalendar: file.hasLegacyCalendar)
    }
}
