import Base
import Columnar
import Parquet

/// Reads the rows of old and of new files, and compares them as sets: what an operation only moves must be the same rows behind it, in whatever order.
struct RowComparison {
    private let table: DeltaTable
    private let snapshot: Snapshot
    private let fields: [Field]

    init(table: DeltaTable, snapshot: Snapshot) {
        self.table = table
        self.snapshot = snapshot
        fields = snapshot.metadata.dataFields.map(snapshot.metadata.columnMapping.physical)
    }

    /// - Parameters:
    ///   - sources: positions in the snapshot.
    ///   - deleted: for files that lose rows, all rows that do not come along, in place of what their own deletion vectors say.
    ///
    /// Returns how many rows there are. Throws ``DeltaError/corruptDataFile(path:reason:)`` where the new files have others, or are in another partition.
    func compare(_ sources: [Int], without deleted: [Int: DeletedRows] = [:], with added: [AddFile]) async throws -> Int64 {
        let partitions = Set(sources.map { PartitionKey(snapshot.files[$0].partitionValues) })
        for add in added {
            let partition = PartitionKey(snapshot.files.partitionKeys.map { add.partitionValues[$0] ?? nil })
            guard partitions.contains(partition) else {
                throw DeltaError.corruptDataFile(path: add.path.decoded, reason: "it was written for a partition that none of its rows comes from")
            }
        }
        let (tableFiles, mapping, files, fields) = (table.files, snapshot.metadata.columnMapping, snapshot.files, fields)
        let before = try await total(sources) { position in
            try await DataFile.open(tableFiles, files[position], deleting: deleted[position], mapping: mapping, fields: fields)
        }
        let after = try await total(added) { add in
            let place = try tableFiles.place(of: add.path)
            return try await DataFile.open(place.store, place.path, sizeInBytes: add.size, mapping: mapping, fields: fields, hidden: [])
        }
        guard before == after else {
            let reason =
                before.rows == after.rows
                ? "its rows are not those of the files that they come from"
                : "\(added.count) new files have \(after.rows) rows, the \(sources.count) that they come from have \(before.rows)"
            throw DeltaError.corruptDataFile(path: added.first?.path.decoded ?? "of \(table.location)", reason: reason)
        }
        return before.rows
    }

    private func total<File: Sendable>(_ files: [File], _ open: @escaping @Sendable (File) async throws -> DataFile) async throws -> RowDigest {
        try await concurrentMap(files, limit: table.environment.parallelism) { file in
            try await RowDigest(reading: try await open(file))
        }.reduce(into: RowDigest()) { $0.add($1) }
    }
}
