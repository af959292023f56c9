/// Puts a partition's small files together into bins of one output file each. Pure.
struct BinPacking: Sendable {
    /// How large a bin may become, in bytes of its files.
    var targetFileSize: Int64
    /// Whether every file must be in a bin, large ones and those beside which nothing fits each in one of their own.
    var takesAll = false

    /// How many bins are filled at a time. A file that fits none of them closes the fullest; this bounds the work for a partition of a million files.
    private static let openBins = 16

    /// Groups of positions in `sizes`, each group ascending, so that rows keep the order of the files. Files of the target size or above are left
    /// alone, and so is a file that nothing fits beside: rewriting it would gain nothing. Unless all are taken.
    func bins(sizes: [Int64]) -> [[Int]] {
        struct Bin {
            var files: [Int]
            var size: Int64
        }
        var open: [Bin] = []
        var closed: [Bin] = []
        for (position, size) in sizes.enumerated() {
            guard size < targetFileSize else {
                if takesAll { closed.append(Bin(files: [position], size: size)) }
                continue
            }
            let size = max(0, size)
            if let fitting = open.firstIndex(where: { $0.size + size <= targetFileSize }) {
                open[fitting].files.append(position)
                open[fitting].size += size
                continue
            }
            if open.count == Self.openBins, let fullest = open.indices.max(by: { open[$0].size < open[$1].size }) {
                closed.append(open.remove(at: fullest))
            }
            open.append(Bin(files: [position], size: size))
        }
        return (closed + open).map(\.files).filter { takesAll || $0.count > 1 }.sorted { $0[0] < $1[0] }
    }
}
