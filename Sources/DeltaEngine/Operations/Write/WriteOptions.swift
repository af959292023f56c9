import ObjectStore
import Parquet

/// Where rows to be written come from.
public struct WriteInput: Sendable {
    public enum Format: String, Sendable, CaseIterable {
        case parquet
        /// One JSON object on each line.
        case jsonLines
    }

    public var store: any ObjectStore
    public var path: ObjectPath
    public var format: Format

    public init(store: any ObjectStore, path: ObjectPath, format: Format) {
        self.store = store
        self.path = path
        self.format = format
    }
}

/// How rows are written.
public struct WriteOptions: Sendable, Hashable {
    public var codec: Codec
    public var conditions: CommitConditions

    public enum Codec: String, Sendable, CaseIterable {
        case zstd, snappy, uncompressed

        var compression: Compression {
            switch self {
            case .zstd: .zstd()
            case .snappy: .snappy
            case .uncompressed: .uncompressed
            }
        }
    }

    public init(codec: Codec = .zstd, conditions: CommitConditions = CommitConditions()) {
        self.codec = codec
        self.conditions = conditions
    }
}

/// What a write did, under Delta's own names.
public struct WriteMetrics: Sendable, Hashable, Encodable {
    public var numFiles: Int64 = 0
    public var numOutputRows: Int64 = 0
    public var numOutputBytes: Int64 = 0

    public var counters: [String: Int64] { ["numFiles": numFiles, "numOutputRows": numOutputRows, "numOutputBytes": numOutputBytes] }
}

/// How a write ended.
public struct WriteResult: Sendable, Hashable {
    /// The version that was committed; nil where there were no rows.
    public var version: Int64?
    /// The table's `txn` said that this run has been committed before: nothing was done now.
    public var alreadyApplied: Bool
    public var metrics: WriteMetrics
    /// What was looked at to be sure of it.
    public var verification = Verification()
}
