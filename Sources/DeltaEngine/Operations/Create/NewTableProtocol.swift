import Columnar

/// The protocol of a new table: the oldest that has all its schema and properties ask for, so that as many engines as possible can open it.
enum NewTableProtocol {
    /// What every writer of the last years knows: append-only tables and column invariants.
    private static let minimum = ProtocolAction(minReaderVersion: 1, minWriterVersion: 2)

    /// - Parameter access: what Levee must be able to do to the table afterwards.
    ///
    /// Throws ``DeltaError/unsupportedFeature(feature:access:reason:)`` for a feature that Levee could not write to afterwards.
    static func make(
        for metadata: TableMetadata, isClustered: Bool = false, allowing access: Access = .metadataChange
    ) throws(DeltaError) -> ProtocolAction {
        let needed = TableFeature.all.filter { isNeeded($0, metadata) || (isClustered && $0.name == TableFeature.clustering.name) }
        var action = minimum
        if needed.allSatisfy({ $0.legacy != nil }) {
            for feature in needed {
                action.minReaderVersion = max(action.minReaderVersion, feature.legacy?.reader ?? 1)
                action.minWriterVersion = max(action.minWriterVersion, feature.legacy?.writer ?? 1)
            }
        } else {
            let readers = needed.filter { $0.kind == .readerWriter }.map(\.name)
            let writers = Set(needed.flatMap { [$0.name] + $0.requires } + ["appendOnly", "invariants"]).sorted()
            action = ProtocolAction(
                minReaderVersion: readers.isEmpty ? 1 : 3, minWriterVersion: 7, readerFeatures: readers.isEmpty ? nil : readers, writerFeatures: writers)
        }
        try FeatureRegistry.check(action, metadata, hasDeletionVectors: false, access: access, version: 0)
        return action
    }

    /// `action`, raised by the features that `after` needs and `before` did not. A feature that a table has the property of and not the feature stays as it is:
    /// the property means nothing there.
    static func raise(_ action: ProtocolAction, from before: TableMetadata, to after: TableMetadata) -> ProtocolAction {
        let listed = Set(FeatureRegistry.readerFeatures(action) + FeatureRegistry.writerFeatures(action))
        let new = TableFeature.all.filter { isNeeded($0, after) && !isNeeded($0, before) && !listed.contains($0.name) }
        guard !new.isEmpty else { return action }
        if action.minWriterVersion < FeatureRegistry.maximumWriterVersion, new.allSatisfy({ $0.legacy != nil }) {
            var raised = action
            for feature in new {
                raised.minReaderVersion = max(raised.minReaderVersion, feature.legacy?.reader ?? 1)
                raised.minWriterVersion = max(raised.minWriterVersion, feature.legacy?.writer ?? 1)
            }
            return raised
        }
        let readers = new.filter { $0.kind == .readerWriter }.map(\.name)
        return action.union(
            ProtocolAction(
                minReaderVersion: readers.isEmpty ? 1 : FeatureRegistry.maximumReaderVersion, minWriterVersion: FeatureRegistry.maximumWriterVersion,
                readerFeatures: readers.isEmpty ? nil : readers, writerFeatures: new.flatMap { [$0.name] + $0.requires }))
    }

    private static func isNeeded(_ feature: TableFeature, _ metadata: TableMetadata) -> Bool {
        switch feature.use {
        case .listed: feature.name == TableFeature.timestampNtz.name && metadata.schema.fields.contains { $0.type.contains(.timestampNTZ) }
        case .variantColumn: feature.name == TableFeature.variantType.name && metadata.schema.variantColumn != nil
        case .deletionVectors: metadata.isEnabled("delta.enableDeletionVectors")
        case .property, .propertyPrefix, .propertyOther, .columnMetadata:
            !feature.name.hasSuffix("-preview") && FeatureRegistry.isUsed(feature, minimum, metadata, hasDeletionVectors: false)
        }
    }
}

extension DataType {
    /// Whether it is that type, or has it nested somewhere.
    fileprivate func contains(_ type: DataType) -> Bool {
        switch self {
        case .list(let element): element.type.contains(type)
        case let .map(key, value): key.type.contains(type) || value.type.contains(type)
        case .structure(let fields): fields.contains { $0.type.contains(type) }
        default: self == type
        }
    }
}
