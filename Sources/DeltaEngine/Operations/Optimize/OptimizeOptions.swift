/// What OPTIMIZE is asked to do.
public struct OptimizeOptions: Sendable, Hashable {
    /// In bytes; nil: the table's `delta.targetFileSize`, else ``defaultTargetFileSize``.
    public var targetFileSize: Int64?
    /// A Spark SQL condition on partition columns: only their files are looked at.
    public var condition: String?
    public var codec: Codec
    /// The most bytes of files to rewrite; nil: as many as there are.
    public var maximumBytes: Int64?
    /// Plan and report, change nothing.
    public var dryRun: Bool
    public var conditions: CommitConditions

    public static let defaultTargetFileSize: Int64 = 256 << 20

    /// How new files are compressed.
    public enum Codec: String, Sendable, CaseIterable {
        /// As the files that are rewritten.
        case keep
        case snappy
        case zstd
    }

    public init(
        targetFileSize: Int64? = nil, condition: String? = nil, codec: Codec = .keep, maximumBytes: Int64? = nil, dryRun: Bool = false,
        conditions: CommitConditions = CommitConditions()
    ) {
        self.targetFileSize = targetFileSize
        self.condition = condition
        self.codec = codec
        self.maximumBytes = maximumBytes
        self.dryRun = dryRun
        self.conditions = conditions
    }
}
