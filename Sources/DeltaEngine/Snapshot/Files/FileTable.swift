import Base

/// The files of a snapshot, kept in columns: a file costs no heap object. Order means nothing, but is the same each time.
public struct FileTable: Sendable, RandomAccessCollection {
    let rows: FileRows
    /// Per part, the table's partition columns as places in the segment's.
    private let partitionPlaces: [[Int?]]
    /// The names by which the log calls the partition columns, in the table's order.
    public let partitionKeys: [String]
    let totals: FileTotals

    /// - Parameter totals: of the rows, where they are known.
    init(rows: FileRows, partitionKeys: [String], totals: FileTotals? = nil) {
        self.rows = rows
        self.partitionKeys = partitionKeys
        partitionPlaces = rows.parts.map { part in
            partitionKeys.map { key in part.segment.partitions.firstIndex { $0.column.hasSameBytes(as: key) } }
        }
        if let totals {
            self.totals = totals
        } else {
            var totals = FileTotals()
            for part in rows.parts { totals.add(part) }
            self.totals = totals
        }
    }

    /// The sum of all files' sizes.
    public var sizeInBytes: Int64 { totals.sizeInBytes }

    /// How many files have a deletion vector, and how many rows those take away together.
    public var deletionVectors: (count: Int64, rows: Int64) { totals.deletionVectors }

    public var hasDeletionVectors: Bool { deletionVectors.count > 0 }

    public var startIndex: Int { 0 }
    public var endIndex: Int { rows.count }

    public subscript(position: Int) -> FileView {
        let (part, row) = rows.locate(position)
        return FileView(segment: rows.parts[part].segment, row: row, partitionPlaces: partitionPlaces[part], partitionKeys: partitionKeys)
    }

    /// The rows of all files together, without those that deletion vectors take away; nil where a file's statistics do not say.
    public var numRecords: Int64? { totals.numRecords }

    /// Files of one partition, as positions in the table.
    public struct PartitionGroup: Sendable {
        /// In the order of the table's partition columns, as the log has them.
        public let values: [String?]
        public let files: [Int]
    }

    /// The files by partition, each group in the table's order; one group for a table without partitions, none for one without files.
    public func partitionGroups() -> [PartitionGroup] {
        var places: [[ExactText?]: Int] = [:]
        var values: [[String?]] = []
        var files: [[Int]] = []
        var position = 0
        for (index, part) in rows.parts.enumerated() {
            let columns = partitionPlaces[index].map { place in place.map { part.segment.partitions[$0] } }
            // Codes tell partitions apart within a part, so that text is compared once per partition and part only.
            var byCodes: [[UInt32]: Int] = [:]
            for offset in 0..<part.count {
                let row = part.row(offset)
                let codes = columns.map { column in column.map { row < $0.codes.count ? $0.codes[row] : 0 } ?? 0 }
                let group: Int
                if let known = byCodes[codes] {
                    group = known
                } else {
                    let texts = columns.map { $0?.text(at: row) }
                    let key = texts.map { $0.map(ExactText.init) }
                    group = places[key] ?? values.count
                    if group == values.count {
                        places[key] = group
                        values.append(texts)
                        files.append([])
                    }
                    byCodes[codes] = group
                }
                files[group].append(position)
                position += 1
            }
        }
        return zip(values, files).map(PartitionGroup.init)
    }
}

extension Int64 {
    /// Sums of numbers from a log, which may be any.
    func saturatingAdding(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
