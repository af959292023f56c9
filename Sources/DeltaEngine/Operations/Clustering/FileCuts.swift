/// How sorted rows are cut into files. Pure.
///
/// Along a curve through several columns the number of files is a power of two, of five eighths to five quarters of the target each, and they end where cells
/// of the curve do (``CurveCells``). With any other number, or a few rows more, a file would reach into a cell far away, and a lookup go through it in vain.
struct FileCuts: Sendable {
    private let targetFileSize: Int64
    /// After how many rows each cell ends, ascending; empty for rows that are sorted by one column.
    private let cellEnds: [Int64]

    /// A file may be so much larger than the target rather than that one becomes two halves.
    private static let tolerance = 1.25

    /// - Parameter cellEnds: a power of two of them.
    init(targetFileSize: Int64, cellEnds: [Int64] = []) {
        self.targetFileSize = max(1, targetFileSize)
        self.cellEnds = cellEnds
    }

    /// How many files of the target size so many bytes become, sorted by so many columns.
    static func count(_ sizeInBytes: Double, targetFileSize: Int64, columns: Int) -> Int64 {
        let least = max(1, Int64(exactly: (sizeInBytes / (Double(max(1, targetFileSize)) * tolerance)).rounded(.up)) ?? 1)
        guard columns > 1, least > 1, least < 1 << 40 else { return least }
        return 1 << Int64(Int64.bitWidth - (least - 1).leadingZeroBitCount)
    }

    /// The bytes of each.
    static func sizes(_ sizeInBytes: Int64, targetFileSize: Int64, columns: Int) -> [Int64] {
        let count = count(Double(sizeInBytes), targetFileSize: targetFileSize, columns: columns)
        return (0..<count).map { part($0 + 1, of: count, sizeInBytes) - part($0, of: count, sizeInBytes) }
    }

    /// The rows of the next file; at least one. What the rows take may turn out otherwise from file to file.
    ///
    /// - Parameter left: at least one.
    func rows(done: Int64, left: Int64, bytesPerRow: Double) -> Int64 {
        if cellEnds.isEmpty { return parts(left, bytesPerRow) }
        let files = Self.count(Double(done + left) * bytesPerRow, targetFileSize: targetFileSize, columns: 2)
        let step = max(1, cellEnds.count / (Int(exactly: files) ?? .max))
        var cell = step
        while cell < cellEnds.count, cellEnds[cell - 1] <= done { cell += step }
        let rows = cell < cellEnds.count ? min(left, cellEnds[cell - 1] - done) : left
        return files > cellEnds.count ? parts(rows, bytesPerRow) : rows
    }

    /// The rows of the first file when some are cut into equal ones.
    private func parts(_ rows: Int64, _ bytesPerRow: Double) -> Int64 {
        let files = Self.count(Double(rows) * bytesPerRow, targetFileSize: targetFileSize, columns: 1)
        return max(1, rows / files + (rows % files == 0 ? 0 : 1))
    }

    static func part(_ index: Int64, of count: Int64, _ total: Int64) -> Int64 { Int64(Int128(total) * Int128(index) / Int128(count)) }
}
