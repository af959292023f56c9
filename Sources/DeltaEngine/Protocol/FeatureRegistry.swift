import Columnar

/// The one place that says whether Levee may do something to a table. No operation looks at features itself.
public enum FeatureRegistry {
    static let maximumReaderVersion = 3
    static let maximumWriterVersion = 7

    private static let byName = Dictionary(uniqueKeysWithValues: TableFeature.all.map { ($0.name, $0) })

    /// The record of a feature; nil for one that Levee does not know.
    public static func feature(_ name: String) -> TableFeature? { byName[name] }

    /// What a table asks of its readers: the listed features, or those that a legacy version implies.
    public static func readerFeatures(_ action: ProtocolAction) -> [String] {
        if action.minReaderVersion >= maximumReaderVersion { return action.readerFeatures ?? [] }
        return TableFeature.all.filter { ($0.legacy?.reader).map { $0 <= action.minReaderVersion } ?? false }.map(\.name)
    }

    /// What a table asks of its writers, besides what it asks of readers.
    public static func writerFeatures(_ action: ProtocolAction) -> [String] {
        if action.minWriterVersion >= maximumWriterVersion { return action.writerFeatures ?? [] }
        return TableFeature.all.filter { ($0.legacy?.writer).map { $0 <= action.minWriterVersion } ?? false }.map(\.name)
    }

    /// Throws unless the protocol alone lets Levee open the log: versions it knows, no reader feature that it can never read.
    ///
    /// Asked before the schema is even parsed, so that a table with a type of tomorrow is refused by its feature's name.
    static func checkReadable(_ action: ProtocolAction, version: Int64) throws(DeltaError) {
        guard (1...maximumReaderVersion).contains(action.minReaderVersion) else {
            throw .unsupportedProtocol(reader: action.minReaderVersion, writer: action.minWriterVersion)
        }
        if action.minReaderVersion == maximumReaderVersion {
            // Reader features live only beside writer features (protocol, "Table Features").
            guard action.readerFeatures != nil, action.minWriterVersion >= maximumWriterVersion else {
                throw .corruptLog(version: version, reason: "reader version 3 needs writer version 7 and a list of reader features")
            }
        }
        for name in readerFeatures(action) {
            guard let feature = byName[name] else { throw unknown(name, .read) }
            if case let .refused(reason) = feature.support(for: .read) {
                throw .unsupportedFeature(feature: name, access: .read, reason: reason)
            }
        }
    }

    /// Throws ``DeltaError/unsupportedFeature(feature:access:reason:)`` unless every feature of the table lets Levee do this.
    ///
    /// - Parameter hasDeletionVectors: whether a file of the snapshot has one.
    public static func check(
        _ action: ProtocolAction, _ metadata: TableMetadata, hasDeletionVectors: Bool, access: Access, version: Int64
    ) throws(DeltaError) {
        try checkReadable(action, version: version)
        if access.isWrite {
            guard (1...maximumWriterVersion).contains(action.minWriterVersion) else {
                throw .unsupportedProtocol(reader: action.minReaderVersion, writer: action.minWriterVersion)
            }
            guard action.minWriterVersion < maximumWriterVersion || action.writerFeatures != nil else {
                throw .corruptLog(version: version, reason: "writer version 7 needs a list of writer features")
            }
        }
        var names = readerFeatures(action)
        if let column = metadata.schema.variantColumn, !names.contains(TableFeature.variantType.name), !names.contains(TableFeature.variantTypePreview.name) {
            throw .corruptLog(version: version, reason: "column \(column.name) is a variant, and the protocol does not list \(TableFeature.variantType.name)")
        }
        if access.isWrite { names += writerFeatures(action).filter { !names.contains($0) } }
        for name in names {
            guard let feature = byName[name] else { throw unknown(name, access) }
            if access.isWrite {
                for required in feature.requires where !names.contains(required) {
                    throw .corruptLog(version: version, reason: "the feature \(name) is listed without \(required), which it needs")
                }
            }
            if access.readsData, name == TableFeature.typeWidening.name || name == TableFeature.typeWideningPreview.name {
                if let change = TypeChanges.unsupported(in: metadata.schema) {
                    throw .unsupportedFeature(feature: name, access: access, reason: change)
                }
            }
            let inUse = isUsed(feature, action, metadata, hasDeletionVectors: hasDeletionVectors)
            // An operation that opens data files must be able to read them, whatever it does next.
            for needed in access.readsData && access != .read ? [Access.read, access] : [access] {
                switch feature.support(for: needed) {
                case .supported: continue
                case let .supportedUnused(reason):
                    if inUse { throw .unsupportedFeature(feature: name, access: access, reason: reason) }
                case let .refused(reason): throw .unsupportedFeature(feature: name, access: access, reason: reason)
                }
            }
        }
    }

    /// Whether the table uses the feature, not only allows it.
    static func isUsed(_ feature: TableFeature, _ action: ProtocolAction, _ metadata: TableMetadata, hasDeletionVectors: Bool) -> Bool {
        switch feature.use {
        case .listed: true
        case let .property(name): metadata.isEnabled(name)
        case let .propertyPrefix(prefix): metadata.configuration.keys.contains { $0.hasPrefix(prefix) }
        case let .propertyOther(name, value): metadata.configuration[name].map { $0.lowercased() != value } ?? false
        case let .columnMetadata(key): metadata.schema.fields.contains { $0.hasMetadata(key) }
        case .deletionVectors: hasDeletionVectors
        case .variantColumn: metadata.schema.variantColumn != nil
        }
    }

    private static func unknown(_ name: String, _ access: Access) -> DeltaError {
        .unsupportedFeature(feature: name, access: access, reason: "Levee does not know this feature; a newer Levee may")
    }
}
