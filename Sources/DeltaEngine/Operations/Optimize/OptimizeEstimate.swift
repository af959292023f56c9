import Base

/// What an OPTIMIZE of a snapshot would merge, told from the log alone.
public struct OptimizeEstimate: Sendable, Hashable {
    /// The size that it would merge up to, in bytes.
    public let targetFileSize: Int64
    /// Files that would be replaced, and their bytes.
    public let numFiles: Int64
    public let sizeInBytes: Int64
}

extension Snapshot {
    /// - Parameters:
    ///   - targetFileSize: in bytes; nil: the table's `delta.targetFileSize`, else ``OptimizeOptions/defaultTargetFileSize``.
    ///   - condition: a Spark SQL condition on partition columns; nil: all partitions.
    /// - Throws: ``DeltaError/invalidRequest(reason:)`` for a condition that cannot be used.
    public func optimizeEstimate(targetFileSize: Int64?, condition: String?, now: Timestamp) throws(DeltaError) -> OptimizeEstimate {
        let target = targetFileSize ?? metadata.targetFileSize ?? OptimizeOptions.defaultTargetFileSize
        let plan = try OptimizeWork(self, OptimizeOptions(targetFileSize: target, condition: condition), now: now)
        return OptimizeEstimate(targetFileSize: target, numFiles: Int64(plan.fileCount), sizeInBytes: plan.sizeInBytes)
    }
}
