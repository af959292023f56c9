import Base
import Columnar

/// What has to be committed so that a table is again what it was: made from the two snapshots alone.
///
/// As Spark's RESTORE, and where that loses something, more careful: what must only ever grow (the protocol, row ids, identity values, column ids) stays at
/// what the table has reached, and so does what was decided of the log itself (in-commit timestamps, row tracking).
struct RestorePlan: Sendable {
    /// Positions in the older snapshot of files that the table has no more.
    let restored: [Int]
    /// Positions in the table's snapshot of files that the older one has not.
    let removed: [Int]
    /// nil where the table's is what it has to be.
    let `protocol`: ProtocolAction?
    let metadata: TableMetadata?
    let domains: [DomainMetadata]
    /// Whether files keep the row ids that they had.
    let keepsRowIds: Bool

    var isEmpty: Bool { restored.isEmpty && removed.isEmpty && `protocol` == nil && metadata == nil && domains.isEmpty }

    /// Throws what ``TableMetadata/check()`` throws.
    init(from current: Snapshot, to older: Snapshot) throws(DeltaError) {
        restored = Self.files(of: older.files, notIn: current.files)
        removed = Self.files(of: current.files, notIn: older.files)
        let tracked = FeatureRegistry.writerFeatures(current.protocol).contains(TableFeature.rowTracking.name)
        keepsRowIds = tracked
        // Ids of rows that were given while the feature was on mean nothing after it was dropped, and it does not come back by itself.
        let needed = tracked ? older.protocol : older.protocol.without(feature: TableFeature.rowTracking.name)
        let union = current.protocol.union(needed)
        `protocol` = union == current.protocol ? nil : union
        let merged = try Self.metadata(of: older, keeping: current.metadata)
        metadata = merged == current.metadata ? nil : merged
        domains = Self.domains(from: current, to: older)
    }

    // MARK: Files

    private static func files(of files: FileTable, notIn others: FileTable) -> [Int] {
        var seen = SeenFiles(capacity: others.count)
        for part in others.rows.parts {
            let number = seen.add(part.segment)
            for position in 0..<part.count { _ = seen.insert(number, part.row(position)) }
        }
        var found: [Int] = []
        var start = 0
        for part in files.rows.parts {
            var known = seen.positions(in: part)[...]
            for position in 0..<part.count {
                if known.first == position { known = known.dropFirst() } else { found.append(start + position) }
            }
            start += part.count
        }
        return found
    }

    // MARK: Metadata

    /// Properties that say how the log is kept, not what is in the table.
    private static let kept = [
        "delta.enableInCommitTimestamps", "delta.inCommitTimestampEnablementVersion", "delta.inCommitTimestampEnablementTimestamp", "delta.enableRowTracking",
        "delta.rowTrackingSuspended", "delta.rowTracking.materializedRowIdColumnName", "delta.rowTracking.materializedRowCommitVersionColumnName",
    ]
    private static let columnIds = "delta.columnMapping.maxColumnId"

    private static func metadata(of older: Snapshot, keeping current: TableMetadata) throws(DeltaError) -> TableMetadata {
        let restored = older.metadata
        var configuration = restored.configuration
        for property in kept { configuration[property] = current.configuration[property] }
        // An id that a column had must not come to another one.
        let ids = [restored, current].compactMap { $0.configuration[columnIds].flatMap { Int64($0) } }
        if let highest = ids.max() { configuration[columnIds] = String(highest) }
        let fields = restored.schema.fields.map { field in
            current.schema.fields.first { Self.isSameColumn($0, field) }.map { Self.identity(of: field, keeping: $0) } ?? field
        }
        var metadata = restored
        if fields != restored.schema.fields {
            metadata = try TableMetadata(
                id: restored.id, name: restored.name, description: restored.description, formatProvider: restored.formatProvider,
                formatOptions: restored.formatOptions, schemaString: SchemaJSON.encode(Schema(fields)), partitionColumns: restored.partitionColumns,
                configuration: configuration, createdTime: restored.createdTime)
        }
        metadata.configuration = configuration
        metadata.allowsColumnMapping = restored.allowsColumnMapping || current.allowsColumnMapping
        return metadata
    }

    private static func isSameColumn(_ left: Field, _ right: Field) -> Bool {
        ColumnMapping.physicalName(left).hasSameBytes(as: ColumnMapping.physicalName(right))
    }

    private static let highWaterMark = "delta.identity.highWaterMark"

    /// Identity values that have been given out are not given again (protocol, "Identity Columns").
    private static func identity(of field: Field, keeping current: Field) -> Field {
        guard let mark = current.metadata[highWaterMark]?.intValue, let step = field.metadata["delta.identity.step"]?.intValue else { return field }
        var field = field
        let old = field.metadata[highWaterMark]?.intValue ?? mark
        field.metadata[highWaterMark] = .integer(step < 0 ? min(old, mark) : max(old, mark))
        return field
    }

    /// The clustering columns go back with the schema. All other domains belong to somebody else, or, as the row ids' mark, to the table's whole life.
    private static func domains(from current: Snapshot, to older: Snapshot) -> [DomainMetadata] {
        let (now, then) = (current.domainMetadata[Clustering.domain], older.domainMetadata[Clustering.domain])
        if now == then { return [] }
        if let then { return [then] }
        return now.map { [DomainMetadata(domain: $0.domain, configuration: $0.configuration, removed: true)] } ?? []
    }
}

extension ProtocolAction {
    /// The least protocol with all that either asks for.
    func union(_ other: ProtocolAction) -> ProtocolAction {
        let reader = FeatureRegistry.readerFeatures(self)
        let writer = FeatureRegistry.writerFeatures(self)
        let newReader = FeatureRegistry.readerFeatures(other).filter { !reader.contains($0) }
        let newWriter = FeatureRegistry.writerFeatures(other).filter { !writer.contains($0) }
        if newReader.isEmpty, newWriter.isEmpty { return self }
        var union = ProtocolAction(
            minReaderVersion: max(minReaderVersion, other.minReaderVersion), minWriterVersion: max(minWriterVersion, other.minWriterVersion))
        // Legacy versions each include those below; lists name everything.
        if union.minReaderVersion >= FeatureRegistry.maximumReaderVersion { union.readerFeatures = reader + newReader }
        if union.minWriterVersion >= FeatureRegistry.maximumWriterVersion { union.writerFeatures = writer + newWriter }
        return union
    }

    func without(feature name: String) -> ProtocolAction {
        var copy = self
        copy.readerFeatures?.removeAll { $0 == name }
        copy.writerFeatures?.removeAll { $0 == name }
        return copy
    }
}
