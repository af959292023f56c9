import Base
import Columnar

/// The columns of a V1 checkpoint (protocol, "Checkpoint Schema") as a table's properties ask for them.
struct CheckpointSchema {
    var fields: [Field] { [Self.transaction, add, Self.remove, Self.metadata, Self.protocolAction, Self.domain] }
    /// `stats_parsed`, where the table wants statistics as structs and has columns for them.
    let statistics: [Field]?
    /// `partitionValues_parsed`, likewise.
    let partitions: [Field]?
    let writesStatsText: Bool

    static let transaction = Field("txn", .structure([Field("appId", .string), Field("version", .long), Field("lastUpdated", .long)]))

    static let domain = Field(
        "domainMetadata", .structure([Field("domain", .string), Field("configuration", .string), Field("removed", .boolean)]))

    static let protocolAction = Field(
        "protocol",
        .structure([
            Field("minReaderVersion", .integer), Field("minWriterVersion", .integer), Field("readerFeatures", texts), Field("writerFeatures", texts),
        ]))

    static let metadata = Field(
        "metaData",
        .structure([
            Field("id", .string), Field("name", .string), Field("description", .string),
            Field("format", .structure([Field("provider", .string), Field("options", textMap)])), Field("schemaString", .string),
            Field("partitionColumns", texts), Field("configuration", textMap), Field("createdTime", .long),
        ]))

    static let remove = Field(
        "remove",
        .structure([
            Field("path", .string), Field("deletionTimestamp", .long), Field("dataChange", .boolean), Field("extendedFileMetadata", .boolean),
            Field("partitionValues", textMap), Field("size", .long), Field("deletionVector", deletionVector), Field("baseRowId", .long),
            Field("defaultRowCommitVersion", .long),
        ]))

    static let deletionVector = DataType.structure([
        Field("storageType", .string), Field("pathOrInlineDv", .string), Field("offset", .integer), Field("sizeInBytes", .integer),
        Field("cardinality", .long),
    ])

    private static let texts = DataType.list(element: Field("element", .string))
    private static let textMap = DataType.map(key: Field("key", .string, nullable: false), value: Field("value", .string))

    var add: Field {
        var members = [
            Field("path", .string), Field("partitionValues", Self.textMap), Field("size", .long), Field("modificationTime", .long),
            Field("dataChange", .boolean), Field("tags", Self.textMap), Field("deletionVector", Self.deletionVector), Field("baseRowId", .long),
            Field("defaultRowCommitVersion", .long), Field("clusteringProvider", .string),
        ]
        if writesStatsText { members.append(Field("stats", .string)) }
        if let partitions { members.append(Field("partitionValues_parsed", .structure(partitions))) }
        if let statistics { members.append(Field("stats_parsed", .structure(statistics))) }
        return Field("add", .structure(members))
    }

    init(_ metadata: TableMetadata, clusteredBy clustering: [ClusteringColumn] = []) {
        writesStatsText = metadata.writesStatsAsJSON
        if metadata.writesStatsAsStruct {
            statistics = Self.statistics(metadata, clustering)
            let columns = zip(metadata.partitionKeys, metadata.partitionFields).map { Field($0, $1.type) }
            partitions = columns.isEmpty ? nil : columns
        } else {
            statistics = nil
            partitions = nil
        }
    }

    private static func statistics(_ metadata: TableMetadata, _ clustering: [ClusteringColumn]) -> [Field] {
        let covered = StatisticsColumns(
            dataFields: metadata.dataFields, configuration: metadata.configuration, always: clustering.map(\.path))
        let bounds = leaves(metadata.dataFields, [], metadata, covered) { hasBounds($0) ? $0 : nil }
        let nulls = leaves(metadata.dataFields, [], metadata, covered) { _ in .long }
        var members = [Field("numRecords", .long)]
        if !bounds.isEmpty { members += [Field("minValues", .structure(bounds)), Field("maxValues", .structure(bounds))] }
        if !nulls.isEmpty { members.append(Field("nullCount", .structure(nulls))) }
        return members + [Field("tightBounds", .boolean)]
    }

    /// The table's columns as structs of their leaves, those left out for which `type` gives nil, and structs that end up empty.
    private static func leaves(
        _ fields: [Field], _ parent: [String], _ metadata: TableMetadata, _ covered: StatisticsColumns, _ type: (DataType) -> DataType?
    ) -> [Field] {
        fields.compactMap { field in
            let path = parent + [field.name]
            if case let .structure(children) = field.type, !field.type.isVariant {
                let inner = leaves(children, path, metadata, covered, type)
                return inner.isEmpty ? nil : Field(metadata.physicalName(of: field), .structure(inner))
            }
            guard covered.includes(path), let type = type(field.type) else { return nil }
            return Field(metadata.physicalName(of: field), type)
        }
    }

    /// The types whose values Delta orders in statistics.
    private static func hasBounds(_ type: DataType) -> Bool {
        switch type {
        case .byte, .short, .integer, .long, .float, .double, .decimal, .string, .date, .timestamp, .timestampNTZ: true
        case .boolean, .binary, .list, .map, .structure, .null: false
        }
    }
}
