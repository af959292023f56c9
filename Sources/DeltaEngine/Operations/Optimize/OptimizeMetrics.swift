/// What an OPTIMIZE did, under Delta's own names (`OptimizeMetrics`).
public struct OptimizeMetrics: Sendable, Hashable, Encodable {
    public var numFilesAdded: Int64 = 0
    public var numFilesRemoved: Int64 = 0
    public var filesAdded = FileSizeStatistics(sizes: [])
    public var filesRemoved = FileSizeStatistics(sizes: [])
    public var partitionsOptimized: Int64 = 0
    /// Where rows were sorted by columns that were asked for.
    public var zOrderStats: ZOrderStatistics?
    /// Where they were sorted by the table's own.
    public var clusteringStats: LiquidStatistics?
    /// Commits that the run took: one, or none where nothing had to be done.
    public var numBatches: Int64 = 0
    public var totalConsideredFiles: Int64 = 0
    /// Considered and left as they were.
    public var totalFilesSkipped: Int64 = 0
    /// Of those, the ones that were to be sorted and cannot be (dates in Spark's legacy calendar), and their bytes.
    public var numFilesUnsortable: Int64 = 0
    public var numBytesUnsortable: Int64 = 0
    /// Bytes of the removed files, without their footers, by how their rows came into the new ones: as whole row groups, as pages, decoded and encoded.
    public var rowGroupCopyBytes: Int64 = 0
    public var pageCopyBytes: Int64 = 0
    public var reencodedBytes: Int64 = 0
    public var startTimeMs: Int64 = 0
    public var endTimeMs: Int64 = 0

    /// Takes files into account that have come and gone.
    mutating func count(_ replaced: [ReplacedFiles], of snapshot: Snapshot) {
        let sources = replaced.flatMap(\.sources)
        let added = replaced.flatMap(\.adds)
        numFilesRemoved = Int64(sources.count)
        numFilesAdded = Int64(added.count)
        filesAdded = FileSizeStatistics(sizes: added.map(\.size))
        filesRemoved = FileSizeStatistics(sizes: sources.map { snapshot.files[$0].size })
        partitionsOptimized = Int64(Set(replaced.compactMap(\.sources.first).map { PartitionKey(snapshot.files[$0].partitionValues) }).count)
    }

    /// The numbers alone, flat, for a status.
    public var counters: [String: Int64] {
        [
            "numFilesAdded": numFilesAdded, "numFilesRemoved": numFilesRemoved, "numBytesAdded": filesAdded.totalSize,
            "numBytesRemoved": filesRemoved.totalSize, "partitionsOptimized": partitionsOptimized, "numBatches": numBatches,
            "totalConsideredFiles": totalConsideredFiles, "totalFilesSkipped": totalFilesSkipped,
            "rowGroupCopyBytes": rowGroupCopyBytes, "pageCopyBytes": pageCopyBytes, "reencodedBytes": reencodedBytes,
            "numFilesUnsortable": numFilesUnsortable, "numBytesUnsortable": numBytesUnsortable,
        ]
    }

    /// As Spark puts them into `commitInfo.operationMetrics`.
    var commitMetrics: [(String, Int64)] {
        [
            ("numRemovedFiles", numFilesRemoved), ("numRemovedBytes", filesRemoved.totalSize), ("numAddedFiles", numFilesAdded),
            ("numAddedBytes", filesAdded.totalSize), ("minFileSize", filesAdded.min), ("p25FileSize", filesAdded.quartiles[0]),
            ("p50FileSize", filesAdded.quartiles[1]), ("p75FileSize", filesAdded.quartiles[2]), ("maxFileSize", filesAdded.max),
        ]
    }
}

/// How an OPTIMIZE ended.
public struct OptimizeResult: Sendable, Hashable {
    /// The version that was committed; for one that was done already, the version that did it as far as is known; nil where there was nothing to do.
    public var version: Int64?
    /// The table's `txn` said that this run has been committed before: nothing was done now.
    public var alreadyApplied: Bool
    public var metrics: OptimizeMetrics
    /// What was looked at to be sure of it.
    public var verification = Verification()
}
