import Base

/// What OPTIMIZE is asked to do.
public struct OptimizeOptions: Sendable, Hashable {
    public var selection: Selection
    /// Sort rows by these columns, along ``curve``, so that few files have the rows of near values; none to merge files as they are. A table that is clustered
    /// by columns of its own is clustered by those.
    public var zOrderBy: [String]
    /// nil: Z-order for ``zOrderBy``, Hilbert's for a table's own columns, as Spark does.
    public var curve: SpaceFillingCurve?
    /// Cluster files that are clustered already too, by whatever columns.
    public var isFull: Bool
    /// Leave files alone where there would not be so many fewer of them; where rows are clustered, where fewer files are new.
    public var minimumFiles: Int
    /// In bytes; nil: the table's `delta.targetFileSize`, else ``defaultTargetFileSize``.
    public var targetFileSize: Int64?
    /// A Spark SQL condition on partition columns: only their files are looked at.
    public var condition: String?
    public var codec: Codec
    /// Decode and encode all rows, also where row groups or pages could be copied.
    public var reencodes: Bool
    /// The most bytes of files to rewrite; nil: as many as there are.
    public var maximumBytes: Int64?
    /// Commit whenever so many bytes of files have been rewritten, so that a long run that fails does not have to begin anew; nil: once, at the end.
    public var maximumCommitBytes: Int64?
    /// Plan and report, change nothing.
    public var dryRun: Bool
    public var conditions: CommitConditions

    public static let defaultTargetFileSize: Int64 = 256 << 20

    /// Which files are rewritten.
    public enum Selection: Sendable, Hashable {
        /// Those of which several become one (OPTIMIZE).
        case smallFiles
        /// All that have a deletion vector, so that the rows that it takes away are in no file of the table any more (REORG … PURGE).
        case deletionVectors
    }

    /// How new files are compressed.
    public enum Codec: String, Sendable, CaseIterable {
        /// As the files that are rewritten.
        case keep
        case snappy
        case zstd
    }

    public init(
        selection: Selection = .smallFiles, zOrderBy: [String] = [], curve: SpaceFillingCurve? = nil, isFull: Bool = false, minimumFiles: Int = 1,
        targetFileSize: Int64? = nil, condition: String? = nil, codec: Codec = .keep, reencodes: Bool = false, maximumBytes: Int64? = nil,
        maximumCommitBytes: Int64? = nil, dryRun: Bool = false, conditions: CommitConditions = CommitConditions()
    ) {
        self.selection = selection
        self.zOrderBy = zOrderBy
        self.curve = curve
        self.isFull = isFull
        self.minimumFiles = minimumFiles
        self.targetFileSize = targetFileSize
        self.condition = condition
        self.codec = codec
        self.reencodes = reencodes
        self.maximumBytes = maximumBytes
        self.maximumCommitBytes = maximumCommitBytes
        self.dryRun = dryRun
        self.conditions = conditions
    }
}

extension TableMetadata {
    /// `delta.targetFileSize`: a number of bytes, or with a unit as Spark reads it (`256mb`, `1g`); nil where unset or not understood.
    var targetFileSize: Int64? { configuration["delta.targetFileSize"].flatMap(Self.fileSize) }

    static func fileSize(_ text: String) -> Int64? {
        let text = text.lowercased()
        let digits = text.prefix { $0.isNumber }
        guard let amount = Int64(digits), amount > 0 else { return nil }
        let shifts = ["": 0, "b": 0, "k": 10, "kb": 10, "m": 20, "mb": 20, "g": 30, "gb": 30, "t": 40, "tb": 40]
        guard let shift = shifts[String(text.dropFirst(digits.count))], amount <= Int64.max >> Int64(shift) else { return nil }
        return amount << Int64(shift)
    }
}
