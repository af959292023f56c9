import Base

/// A partition's values by column name, as the log has them: text, nil for null. In the order they were given, for the log only.
public struct PartitionValues: Sendable {
    public typealias Entry = (column: String, value: String?)

    public private(set) var entries: [Entry]

    public init(_ entries: [Entry] = []) { self.entries = entries }

    /// Pairs columns with their values; the shorter of the two decides.
    public init(columns: [String], values: [String?]) { entries = zip(columns, values).map { ($0, $1) } }

    /// The value of the column; the outer nil where it has no entry.
    public subscript(column: String) -> String?? {
        entries.first { $0.column == column }.map(\.value)
    }

    public var isEmpty: Bool { entries.isEmpty }
}

extension PartitionValues: Hashable {
    public static func == (left: PartitionValues, right: PartitionValues) -> Bool {
        left.entries.count == right.entries.count && left.entries.allSatisfy { entry in right[entry.column].map { $0.hasSameBytes(as: entry.value) } ?? false }
    }

    public func hash(into hasher: inout Hasher) {
        for entry in entries.sorted(by: { $0.column < $1.column }) {
            hasher.combine(entry.column)
            entry.value?.hashBytes(into: &hasher)
        }
    }
}

/// A file that becomes part of the table (protocol, "Add File and Remove File").
public struct AddFile: Sendable, Hashable {
    public var path: DataPath
    public var partitionValues: PartitionValues
    /// Of the data file, in bytes.
    public var size: Int64
    /// Milliseconds since the epoch.
    public var modificationTime: Int64
    /// False where the file only rearranges rows that the table had.
    public var dataChange: Bool
    /// The statistics as JSON text (protocol, "Per-file Statistics").
    public var stats: String?
    public var tags: [String: String]?
    public var deletionVector: DeletionVectorDescriptor?
    public var baseRowId: Int64?
    public var defaultRowCommitVersion: Int64?
    public var clusteringProvider: String?

    public init(
        path: DataPath, partitionValues: PartitionValues = PartitionValues(), size: Int64, modificationTime: Int64, dataChange: Bool,
        stats: String? = nil, tags: [String: String]? = nil, deletionVector: DeletionVectorDescriptor? = nil, baseRowId: Int64? = nil,
        defaultRowCommitVersion: Int64? = nil, clusteringProvider: String? = nil
    ) {
        self.path = path
        self.partitionValues = partitionValues
        self.size = size
        self.modificationTime = modificationTime
        self.dataChange = dataChange
        self.stats = stats
        self.tags = tags
        self.deletionVector = deletionVector
        self.baseRowId = baseRowId
        self.defaultRowCommitVersion = defaultRowCommitVersion
        self.clusteringProvider = clusteringProvider
    }
}

/// A file that leaves the table, and stays as a tombstone until its retention is over.
public struct RemoveFile: Sendable, Hashable {
    public var path: DataPath
    /// Milliseconds since the epoch; a tombstone without counts as expired.
    public var deletionTimestamp: Int64?
    public var dataChange: Bool
    /// Whether `partitionValues` and `size` are there.
    public var extendedFileMetadata: Bool?
    public var partitionValues: PartitionValues?
    public var size: Int64?
    public var stats: String?
    public var tags: [String: String]?
    public var deletionVector: DeletionVectorDescriptor?
    public var baseRowId: Int64?
    public var defaultRowCommitVersion: Int64?

    public init(
        path: DataPath, deletionTimestamp: Int64?, dataChange: Bool, extendedFileMetadata: Bool? = nil, partitionValues: PartitionValues? = nil,
        size: Int64? = nil, stats: String? = nil, tags: [String: String]? = nil, deletionVector: DeletionVectorDescriptor? = nil,
        baseRowId: Int64? = nil, defaultRowCommitVersion: Int64? = nil
    ) {
        self.path = path
        self.deletionTimestamp = deletionTimestamp
        self.dataChange = dataChange
        self.extendedFileMetadata = extendedFileMetadata
        self.partitionValues = partitionValues
        self.size = size
        self.stats = stats
        self.tags = tags
        self.deletionVector = deletionVector
        self.baseRowId = baseRowId
        self.defaultRowCommitVersion = defaultRowCommitVersion
    }

    /// The removal of a file that the table has.
    public init(_ file: AddFile, deletionTimestamp: Timestamp, dataChange: Bool) {
        self.init(
            path: file.path, deletionTimestamp: deletionTimestamp.milliseconds, dataChange: dataChange, extendedFileMetadata: true,
            partitionValues: file.partitionValues, size: file.size, stats: file.stats, tags: file.tags, deletionVector: file.deletionVector,
            baseRowId: file.baseRowId, defaultRowCommitVersion: file.defaultRowCommitVersion)
    }
}

/// A file of changed rows for the change data feed (protocol, "Add CDC File").
public struct AddChangeData: Sendable, Hashable {
    public var path: DataPath
    public var partitionValues: PartitionValues
    public var size: Int64
    public var tags: [String: String]?

    public init(path: DataPath, partitionValues: PartitionValues, size: Int64, tags: [String: String]? = nil) {
        self.path = path
        self.partitionValues = partitionValues
        self.size = size
        self.tags = tags
    }
}
