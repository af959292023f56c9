import Base
import Columnar
import ObjectStore
import Parquet

/// Finds the statistics of one data file: from its footer where that says them exactly, else from the rows of just the columns of which it does not.
struct FileStatisticsScan {
    /// Open with the columns that are covered, all of its rows wanted: statistics speak of those too that a deletion vector takes away.
    let file: DataFile
    let columns: StatisticsColumns

    struct Found {
        var statistics: FileStatistics
        /// Top-level columns whose rows had to be read.
        var decodedColumns = 0
    }

    private static let batchRows = 16_384

    /// A leaf column as the table and as the file knows it.
    private struct Leaf {
        /// By the names that statistics have.
        let path: [String]
        /// nil where the file does not have it.
        let storedPath: [String]?
        let type: DataType
        let storedType: DataType?
        let hasBounds: Bool
    }

    func run() async throws -> Found {
        var leaves: [[String]: LeafStatistics] = [:]
        var decoded: [Int] = []
        for (place, field) in file.fields.enumerated() {
            let stored = file.positions[place].map { file.file.schema.fields[$0] }
            let wanted = self.leaves(of: field, path: [], stored: stored, storedPath: [], storedNames: file.storedField(place))
            let known = wanted.map { ($0, fromFooter($0)) }
            if known.allSatisfy({ $1 != nil }) {
                for (leaf, statistics) in known { leaves[leaf.path] = statistics }
            } else {
                decoded.append(place)
                for (path, statistics) in try await fromRows(place, wanted) { leaves[path] = statistics }
            }
        }
        return Found(statistics: FileStatistics(rowCount: file.rowCount, leaves: leaves), decodedColumns: decoded.count)
    }

    private func leaves(of field: Field, path: [String], stored: Field?, storedPath: [String], storedNames: Field) -> [Leaf] {
        let path = path + [field.name]
        let storedPath = storedPath + [stored?.name ?? ""]
        switch field.type {
        case .list, .map: return []
        case let .structure(children) where !field.type.isVariant:
            guard case let .structure(names) = storedNames.type else { return [] }
            return zip(children, names).flatMap { child, name -> [Leaf] in
                var inner: Field?
                if case let .structure(fields)? = stored?.type { inner = ColumnAdapter.match(name.name, in: fields).map { fields[$0] } }
                return leaves(of: child, path: path, stored: inner, storedPath: storedPath, storedNames: name)
            }
        default:
            guard columns.includes(path) else { return [] }
            let isVariant = field.type.isVariant
            // Dates in the other calendar are no dates of this one to those who read them as they are.
            let isMoment = field.type == .date || field.type == .timestamp || field.type == .timestampNTZ
            return [
                Leaf(
                    path: isVariant ? path + ["value"] : path, storedPath: stored == nil ? nil : isVariant ? storedPath + ["value"] : storedPath,
                    type: field.type, storedType: stored?.type, hasBounds: StatisticsBound.exists(for: field.type) && !(isMoment && file.hasLegacyCalendar))
            ]
        }
    }

    // MARK: From the footer

    private func fromFooter(_ leaf: Leaf) -> LeafStatistics? {
        guard let path = leaf.storedPath else { return LeafStatistics(nullCount: file.rowCount) }
        guard leaf.type.isVariant || leaf.storedType == leaf.type, let found = file.file.footerStatistics(of: path, bounds: leaf.hasBounds) else { return nil }
        return LeafStatistics(
            minimum: found.minimum.flatMap { Self.text($0, leaf.type) }, maximum: found.maximum.flatMap { Self.text($0, leaf.type) }, nullCount: found.nullCount
        )
    }

    private static func text(_ bound: Scalar, _ type: DataType) -> Scalar? {
        guard case let .binary(bytes) = bound else { return bound }
        return type == .string ? .string(bytes.text) : bound
    }

    // MARK: From the rows

    private func fromRows(_ place: Int, _ leaves: [Leaf]) async throws -> [[String]: LeafStatistics] {
        var bounds = Dictionary(leaves.map { ($0.path, LeafBounds(hasBounds: $0.hasBounds)) }) { first, _ in first }
        guard let position = file.positions[place] else { return [:] }
        for group in file.rowGroups.indices where file.rowGroups[group].rowCount > 0 {
            let stream = try await file.file.columnStream(rowGroup: group, column: position)
            var rows: Int64 = 0
            while let column = try await stream.next(maxRows: Self.batchRows) {
                try Task.checkCancellation()
                rows += Int64(column.count)
                Self.add(try file.adapt(column, place), file.fields[place], path: [], present: nil, to: &bounds)
            }
            guard rows == file.rowGroups[group].rowCount else {
                throw DeltaError.corruptDataFile(
                    path: file.file.path.string, reason: "column \(file.fields[place].name) has \(rows) rows of \(file.rowGroups[group].rowCount)")
            }
        }
        return bounds.mapValues(\.statistics)
    }

    private static func add(_ column: Column, _ field: Field, path: [String], present: [Bool]?, to bounds: inout [[String]: LeafBounds]) {
        let path = path + [field.name]
        if field.type.isVariant {
            bounds[path + ["value"]]?.add(column, present: present)
        } else if case let .structure(children) = column.values, case let .structure(fields) = field.type {
            let present = column.validRows(within: present)
            for (child, inner) in zip(children, fields) { add(child, inner, path: path, present: present, to: &bounds) }
        } else {
            bounds[path]?.add(column, present: present)
        }
    }
}
