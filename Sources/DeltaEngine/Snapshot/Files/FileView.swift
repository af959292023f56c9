import Base

/// One file of a ``FileTable``: a cheap look into its columns. Text is made when it is asked for.
public struct FileView: Sendable {
    let segment: FileSegment
    let row: Int
    /// The table's partition columns as places in the segment's, nil for one that the segment does not have.
    let partitionPlaces: [Int?]
    let partitionKeys: [String]

    public var path: DataPath { segment.path(row) }

    /// The path's bytes as the log has them, without a text made of them.
    var encodedPath: Bytes { segment.arena.bytes(segment.paths[row]) }

    /// Of the data file, in bytes.
    public var size: Int64 { segment.sizes[row] }

    /// Milliseconds since the epoch.
    public var modificationTime: Int64 { segment.times[row] }

    public var dataChange: Bool { segment.flags[row].contains(.dataChange) }

    /// The rows of the data file (those that a deletion vector takes away included), where the statistics say.
    public var numRecords: Int64? { segment.recordCounts[row] >= 0 ? segment.recordCounts[row] : nil }

    /// The values of the table's partition columns, in their order, as the log has them; nil for null. An empty text means null too.
    public var partitionValues: [String?] {
        partitionPlaces.map { place in place.flatMap { segment.partitions[$0].text(at: row) } }
    }

    /// The value of the partition column at that place in the table's order.
    public func partitionValue(_ column: Int) -> String? {
        partitionPlaces[column].flatMap { segment.partitions[$0].text(at: row) }
    }

    /// The statistics as JSON text; nil where there are none.
    public var stats: Bytes? { segment.statistics.text(at: row) }

    public var tags: [String: String]? {
        segment.tags[row].flatMap { ActionDecoding.textMap(json: segment.arena.bytes($0)) }
    }

    public var deletionVector: DeletionVectorDescriptor? { segment.deletionVectors[row] }
    public var baseRowId: Int64? { segment.baseRowIds[row] }
    public var defaultRowCommitVersion: Int64? { segment.defaultRowCommitVersions[row] }
    public var clusteringProvider: String? { segment.clusteringProviders[row] }

    /// The action that added the file, all of it.
    public var add: AddFile {
        AddFile(
            path: path, partitionValues: PartitionValues(columns: partitionKeys, values: partitionValues), size: size,
            modificationTime: modificationTime, dataChange: dataChange, stats: stats?.text, tags: tags, deletionVector: deletionVector,
            baseRowId: baseRowId, defaultRowCommitVersion: defaultRowCommitVersion, clusteringProvider: clusteringProvider)
    }

    /// The action that takes the file out of the table.
    public func remove(at deletionTimestamp: Timestamp, dataChange: Bool) -> RemoveFile {
        RemoveFile(add, deletionTimestamp: deletionTimestamp, dataChange: dataChange)
    }
}
