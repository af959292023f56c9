import Base
import Columnar
import ObjectStore

/// Reads what commits did to the table's rows (the change data feed), oldest commit first: the table's columns as they are at the end of the range, then
/// ``typeColumn``, ``versionColumn`` and ``timestampColumn``.
///
/// Pulled batch by batch; what it holds does not grow with the rows, only with the number of files that one commit changed.
public final class ChangesReader: RowReader, @unchecked Sendable {
    // Safe to hand from task to task: one caller at a time, as documented.

    /// `insert`, `delete`, `update_preimage` or `update_postimage`.
    public static let typeColumn = "_change_type"
    /// The version that made the change.
    public static let versionColumn = "_commit_version"
    /// When that version was committed.
    public static let timestampColumn = "_commit_timestamp"

    /// The versions, both included.
    public let versions: ClosedRange<Int64>
    public let schema: Schema

    private let table: DeltaTable
    /// Of the last version of the range.
    private let metadata: TableMetadata
    private var rows: QueriedRows
    private var commits: ArraySlice<RecordedCommit>
    private var commit: RecordedCommit?
    private var files: ArraySlice<ChangedFile> = []

    private static let columns = [
        Field(typeColumn, .string, nullable: false), Field(versionColumn, .long, nullable: false), Field(timestampColumn, .timestamp, nullable: false),
    ]

    private init(table: DeltaTable, _ range: RecordedRange, options: ReadOptions) throws(DeltaError) {
        self.table = table
        versions = range.versions
        metadata = range.metadata
        commits = range.commits[...]
        for column in Self.columns where ColumnAdapter.match(column.name, in: metadata.schema.fields) != nil {
            throw .invalidMetadata(reason: "its column \(column.name) has the name of one of the change feed's")
        }
        let query = try RowQuery(options, over: metadata.schema.fields + Self.columns, now: table.environment.clock.now())
        schema = query.schema
        rows = QueriedRows(query)
    }

    /// Reads the log of the range, no data file yet.
    ///
    /// Throws ``DeltaError/changeDataNotRecorded(version:range:)`` where a version had no change feed, ``DeltaError/incompatibleChanges(version:last:reason:)``
    /// where one had a schema that the last version's does not extend, and the registry's refusals.
    public static func open(_ table: DeltaTable, _ range: ChangeRange, options: ReadOptions = ReadOptions()) async throws -> ChangesReader {
        try await DeltaError.wrapping {
            try ChangesReader(table: table, try await RecordedRange.read(table, try await range.resolve(table)), options: options)
        }
    }

    public func next() async throws -> ColumnBatch? {
        try await DeltaError.wrapping { try await rows.next(nextFile) }
    }

    private func nextFile(_ query: RowQuery) async throws -> FileBatches? {
        while true {
            if let commit, let file = files.popFirst() {
                if let opened = try await open(file, of: commit, query) { return opened }
            } else if let next = commits.popFirst() {
                let changes = try CommitChanges.read(try await table.store.get(next.file.path), version: next.file.version)
                commit = next.stamped(by: changes.commitInfo)
                files = changes.files[...]
            } else {
                return nil
            }
        }
    }

    /// nil for a file of which what the log says of it rules out every row.
    private func open(_ changed: ChangedFile, of commit: RecordedCommit, _ query: RowQuery) async throws -> FileBatches? {
        var constants = try metadata.partitionConstants(try partitionValues(of: changed, version: commit.file.version))
        constants[Self.versionColumn] = .some(.integer(commit.file.version))
        constants[Self.timestampColumn] = .some(.timestamp(commit.timestamp.microseconds))
        if let type = changed.changeType { constants[Self.typeColumn] = .some(.string(type)) }
        if query.rowCondition(nil, constants: constants).isNever { return nil }
        async let rows = changed.rows(table.files)
        let stored = query.needed.filter { constants[$0.name] == nil }
        // What became of a row its file says beside the table's columns, under a name that is not mapped.
        let place = try table.files.place(of: changed.path)
        let file = try await DataFile.open(
            place.store, place.path, sizeInBytes: changed.sizeInBytes, mapping: metadata.columnMapping,
            fields: stored.filter { $0.name != Self.typeColumn }, hidden: stored.filter { $0.name == Self.typeColumn })
        return try FileBatches(file: try await file.only(rows), query: query, constants: constants)
    }

    /// In the order of the partition columns.
    private func partitionValues(of changed: ChangedFile, version: Int64) throws(DeltaError) -> [String?] {
        guard !metadata.partitionColumns.isEmpty else { return [] }
        guard let values = changed.partitionValues else {
            throw .corruptLog(
                version: version, reason: "it removes \(changed.path) without its partition values, so that the rows that went cannot be shown")
        }
        return metadata.partitionKeys.map { values[$0] ?? nil }
    }
}
