import Base

/// What an OPTIMIZE of a snapshot would do, told from the log alone.
public struct OptimizeEstimate: Sendable, Hashable {
    /// The size that it would merge up to, in bytes.
    public let targetFileSize: Int64
    /// Files that would be replaced, and their bytes.
    public let numFiles: Int64
    public let sizeInBytes: Int64
    /// The bytes of the least that it could rewrite: of the smallest bin, or of the smallest file that is to be sorted; 0 where there is nothing to do.
    public let leastBytes: Int64
    /// Where rows would be sorted, how much is not yet; nil where files would be merged as they are.
    public let sorting: Sorting?

    /// How much of a table lies along a curve.
    public struct Sorting: Sendable, Hashable {
        /// As the table's schema has them.
        public let columns: [String]
        /// Whether the table is clustered by them, not whoever asks.
        public let isTables: Bool
        /// Files that no run by these columns has sorted, and that one would.
        public let unsortedFiles: Int64
        public let unsortedBytes: Int64
        /// Of the partitions that were looked at, without what is clustered in another way and left alone.
        public let totalFiles: Int64
        public let totalBytes: Int64
        /// Of the files that would be replaced, those below the target size.
        public let smallFiles: Int64
        public let smallFileBytes: Int64
    }
}

extension Snapshot {
    /// - Parameters:
    ///   - targetFileSize: in bytes; nil: the table's `delta.targetFileSize`, else ``OptimizeOptions/defaultTargetFileSize``.
    ///   - condition: a Spark SQL condition on partition columns; nil: all partitions.
    ///   - zOrderBy: columns to sort by, for tables that are not clustered by their own.
    /// - Throws: ``DeltaError/invalidRequest(reason:)`` for a condition or columns that cannot be used.
    public func optimizeEstimate(
        targetFileSize: Int64?, condition: String?, zOrderBy: [String] = [], now: Timestamp
    ) throws(DeltaError) -> OptimizeEstimate {
        let target = targetFileSize ?? metadata.targetFileSize ?? OptimizeOptions.defaultTargetFileSize
        let work = try OptimizeWork(
            self, OptimizeOptions(zOrderBy: isClustered ? [] : zOrderBy, targetFileSize: target, condition: condition), now: now)
        var sorting: OptimizeEstimate.Sorting?
        var leastBytes = work.parts.map(\.sizeInBytes).min() ?? 0
        if let clustering = work.clustering, let statistics = work.statistics {
            leastBytes = statistics.smallestNewFile ?? 0
            let small = work.parts.flatMap(\.files).map { files[$0].size }.filter { $0 < target }
            sorting = OptimizeEstimate.Sorting(
                columns: clustering.names, isTables: clustering.isTables, unsortedFiles: statistics.newFiles.num, unsortedBytes: statistics.newFiles.size,
                totalFiles: statistics.newFiles.num + statistics.inputCubeFiles.num,
                totalBytes: statistics.newFiles.size.saturatingAdding(statistics.inputCubeFiles.size), smallFiles: Int64(small.count),
                smallFileBytes: small.reduce(0) { $0.saturatingAdding($1) })
        }
        return OptimizeEstimate(
            targetFileSize: target, numFiles: Int64(work.fileCount), sizeInBytes: work.sizeInBytes, leastBytes: leastBytes, sorting: sorting)
    }

    /// Whether an OPTIMIZE sorts the table's rows by columns of its own.
    public var isClustered: Bool {
        !clusteringColumns.isEmpty && FeatureRegistry.writerFeatures(self.protocol).contains(TableFeature.clustering.name)
    }
}
