/// Sizes of a set of files, under the names of Delta's `FileSizeStats`.
public struct FileSizeStatistics: Sendable, Hashable, Encodable {
    /// In bytes; 0 without files.
    public let min: Int64
    public let max: Int64
    public let avg: Double
    public let totalFiles: Int64
    public let totalSize: Int64
    /// The 25th, 50th and 75th percentile: the size at that place of the sorted list.
    let quartiles: [Int64]

    init(sizes: [Int64]) {
        let sorted = sizes.sorted()
        min = sorted.first ?? 0
        max = sorted.last ?? 0
        totalFiles = Int64(sorted.count)
        totalSize = sorted.reduce(0) { $0.saturatingAdding($1) }
        avg = sorted.isEmpty ? 0 : Double(totalSize) / Double(sorted.count)
        quartiles = [1, 2, 3].map { sorted.isEmpty ? 0 : sorted[(sorted.count - 1) * $0 / 4] }
    }

    private enum CodingKeys: String, CodingKey { case min, max, avg, totalFiles, totalSize }
}
