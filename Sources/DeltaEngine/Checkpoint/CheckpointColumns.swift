import Base
import Columnar

/// Builds the `add` column of a checkpoint.
struct AddColumnBuilder {
    private let builder: ColumnBuilder
    private let stats: ColumnBuilder?
    private let partitions: (builder: ColumnBuilder, fields: [Field])?
    private let parsedStats: StatisticsColumnBuilder?

    init(_ schema: CheckpointSchema, _ metadata: TableMetadata) {
        builder = ColumnBuilder(type: schema.add.type)
        // The order of ``CheckpointSchema/add``: ten members that are always there, then these.
        var rest = builder.children.dropFirst(10)
        stats = schema.writesStatsText ? rest.popFirst() : nil
        partitions = schema.partitions.flatMap { fields in rest.popFirst().map { ($0, fields) } }
        parsedStats = schema.statistics.flatMap { fields in rest.popFirst().map { StatisticsColumnBuilder($0, fields) } }
    }

    func append(_ file: FileView) throws {
        let members = builder.children
        try file.segment.arena.bytes(file.segment.paths[file.row]).withUnsafeBytes { bytes throws(ColumnarError) in try members[0].append(bytes: bytes) }
        try members[1].append(partition: file.partitionKeys) { file.partitionValue($0) }
        try members[2].append(file.size)
        try members[3].append(file.modificationTime)
        // A checkpoint changes no data (as Spark and the kernels write it).
        try members[4].append(false)
        try members[5].append(map: file.tags)
        try members[6].append(vector: file.deletionVector)
        try members[7].append(optional: file.baseRowId)
        try members[8].append(optional: file.defaultRowCommitVersion)
        try members[9].append(optional: file.clusteringProvider)
        let text = file.stats
        if let stats {
            if let text { try text.withUnsafeBytes { bytes throws(ColumnarError) in try stats.append(bytes: bytes) } } else { stats.appendNull() }
        }
        if let partitions {
            for (place, field) in partitions.fields.enumerated() {
                // A value that cannot be of its column's type stays in the map of texts, where a reader will find it and say so.
                let value = (try? PartitionValue.parse(file.partitionValue(place), as: field)) ?? nil
                try partitions.builder.children[place].append(value)
            }
            try partitions.builder.appendNested()
        }
        try parsedStats?.append(text)
        try builder.appendNested()
    }

    func finish() -> Column { builder.finish() }
}

/// Builds the `remove` column of a checkpoint.
struct RemoveColumnBuilder {
    private let builder = ColumnBuilder(type: CheckpointSchema.remove.type)
    private let partitionKeys: [String]

    init(partitionKeys: [String]) { self.partitionKeys = partitionKeys }

    var count: Int { builder.count }

    func append(_ tombstone: TombstoneView) throws {
        let members = builder.children
        try members[0].append(tombstone.path.encoded)
        try members[1].append(optional: tombstone.deletionTimestamp)
        try members[2].append(false)
        try members[3].append(tombstone.extendedFileMetadata)
        if tombstone.extendedFileMetadata {
            try members[4].append(partition: partitionKeys) { tombstone.partitionValue(partitionKeys[$0]) }
        } else {
            members[4].appendNull()
        }
        try members[5].append(optional: tombstone.size)
        try members[6].append(vector: tombstone.deletionVector)
        try members[7].append(optional: tombstone.baseRowId)
        try members[8].append(optional: tombstone.defaultRowCommitVersion)
        try builder.appendNested()
    }

    func finish() -> Column { builder.finish() }
}
