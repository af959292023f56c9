import Base

/// Numbers over files, kept up to date by what comes and goes. Wide enough to be exact whatever numbers a log has.
struct FileTotals: Sendable, Hashable {
    private var bytes: Int128 = 0
    private var vectors: Int64 = 0
    private var deleted: Int128 = 0
    /// Of the files whose statistics say, without the rows that deletion vectors take away.
    private var records: Int128 = 0
    /// Files whose statistics do not say how many rows they have.
    private var uncounted: Int64 = 0

    var sizeInBytes: Int64 { Int64(clamping: bytes) }

    /// How many files have a deletion vector, and how many rows those take away together.
    var deletionVectors: (count: Int64, rows: Int64) { (vectors, Int64(clamping: deleted)) }

    /// nil where a file does not say.
    var numRecords: Int64? { uncounted > 0 ? nil : Int64(clamping: records) }

    mutating func add(_ part: FileRows.Part) {
        for position in 0..<part.count { add(part.segment, part.row(position)) }
    }

    mutating func add(_ segment: FileSegment, _ row: Int) { count(segment, row, 1) }

    mutating func remove(_ segment: FileSegment, _ row: Int) { count(segment, row, -1) }

    private mutating func count(_ segment: FileSegment, _ row: Int, _ sign: Int64) {
        bytes += Int128(segment.sizes[row]) * Int128(sign)
        let vector = segment.deletionVectors.isEmpty ? nil : segment.deletionVectors[row]
        if let vector {
            vectors += sign
            deleted += Int128(vector.cardinality) * Int128(sign)
        }
        let rows = segment.recordCounts[row]
        if rows >= 0 {
            let gone = min(max(0, vector?.cardinality ?? 0), rows)
            records += Int128(rows - gone) * Int128(sign)
        } else {
            uncounted += sign
        }
    }
}
