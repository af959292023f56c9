import Base
import Columnar
import ObjectStore
import Parquet

/// Takes the objects from an inventory instead of a listing (Spark's VACUUM … USING INVENTORY). The inventory may be old: what is not in it is found next
/// time, and what it calls old enough is so all the more now.
struct VacuumInventory: VacuumScan {
    /// Of the inventory.
    let inventory: (store: any ObjectStore, path: ObjectPath)
    /// Of the table.
    let store: any ObjectStore
    let rules: VacuumRules

    private static let fields = [Field("path", .string), Field("length", .long), Field("isDir", .boolean), Field("modificationTime", .long)]
    private static let batchRows = 65_536

    func run(progress: ProgressReporter) async throws -> VacuumFindings {
        let file = try await open()
        let scan = try file.scan()
        var findings = VacuumFindings()
        while let run = try await scan.next(maxRows: Self.batchRows) {
            let batch = try file.wanted(of: run)
            for row in 0..<batch.rowCount { try consider(batch.columns.map { $0.value(at: row) }, &findings) }
            progress(OperationProgress(phase: .listing, filesDone: findings.listed))
        }
        return findings
    }

    private func open() async throws -> DataFile {
        let stored = try await ParquetFile.open(inventory.store, inventory.path)
        let positions = try Self.fields.map { field throws(DeltaError) -> Int? in
            guard let position = stored.schema.fields.firstIndex(where: { $0.name == field.name }) else { throw bad("it has no column \(field.name)") }
            let type = stored.schema.fields[position].type
            guard ColumnAdapter.canAdapt(type, to: field.type) else { throw bad("its column \(field.name) is of type \(type) and must be \(field.type)") }
            return position
        }
        return DataFile(file: stored, fields: Self.fields, positions: positions)
    }

    private func consider(_ row: [Scalar?], _ findings: inout VacuumFindings) throws(DeltaError) {
        if row[2] == .bool(true) { return }
        guard case let .string(text)? = row[0], case let .integer(length)? = row[1], case let .integer(modified)? = row[3] else {
            throw bad("a row lacks path, length or modificationTime")
        }
        // Names as they are, not escaped as in the log. An inventory of a bucket has other tables' objects too, and directories with a slash at the end.
        let isWhole = text.hasPrefix("/") || text.contains(":/")
        guard let relative = isWhole ? DataPath.relativePath(ofLocation: text, in: store) : text, let object = try? ObjectPath(relative) else { return }
        rules.consider(object, sizeInBytes: length, modified: Timestamp(milliseconds: modified), &findings)
    }

    private func bad(_ reason: String) -> DeltaError { .invalidData(source: "the inventory \(inventory.path)", reason: reason) }
}
