/// A reader or writer feature of the protocol, and what Levee does on a table that has it.
public struct TableFeature: Sendable {
    /// The protocol's own name.
    public let name: String
    public let kind: Kind
    /// The legacy versions that imply it: reader (nil for a writer feature) and writer.
    public let legacy: (reader: Int?, writer: Int)?
    /// When the feature is in use on a table that lists it.
    public let use: Use
    /// Features that must be listed with it.
    public let requires: [String]
    private let supports: [Access: Support]

    public enum Kind: Sendable { case writer, readerWriter }

    public enum Support: Sendable, Hashable {
        case supported
        /// Refused where the feature is in use, for this reason.
        case supportedUnused(String)
        case refused(String)
    }

    /// What makes a listed feature one in use (protocol, "Active Features").
    public enum Use: Sendable {
        /// Being listed is enough.
        case listed
        /// A table property is true.
        case property(String)
        /// Some property's name starts so.
        case propertyPrefix(String)
        /// A property is set to anything but this value.
        case propertyOther(String, than: String)
        /// A column or nested field has metadata of this key.
        case columnMetadata(String)
        /// A file of the snapshot has a deletion vector.
        case deletionVectors
        /// A column is a variant, or has one nested in it.
        case variantColumn
    }

    init(
        _ name: String, _ kind: Kind, legacy: (reader: Int?, writer: Int)? = nil, use: Use = .listed, requires: [String] = [],
        read: Support = .supported, append: Support = .supported, rewrite: Support = .supported, delete: Support = .supported,
        maintain: Support = .supported, restore: Support = .supported, clone: Support = .supported, vacuum: Support = .supported,
        metadataChange: Support = .supported, properties: Support = .supported, checkpoint: Support = .supported, manifest: Support = .supported
    ) {
        self.name = name
        self.kind = kind
        self.legacy = legacy
        self.use = use
        self.requires = requires
        supports = [
            .read: read, .append: append, .rewrite: rewrite, .delete: delete, .maintain: maintain, .restore: restore, .clone: clone, .vacuum: vacuum,
            .metadataChange: metadataChange, .properties: properties, .checkpoint: checkpoint, .manifest: manifest,
        ]
    }

    /// A feature that keeps Levee out altogether.
    static func refused(_ name: String, _ kind: Kind, _ reason: String) -> TableFeature {
        let no = Support.refused(reason)
        return TableFeature(
            name, kind, read: kind == .writer ? .supported : no, append: no, rewrite: no, delete: no, maintain: no, restore: no, clone: no,
            vacuum: no, metadataChange: no, properties: no, checkpoint: no, manifest: kind == .writer ? .supported : no)
    }

    public func support(for access: Access) -> Support { supports[access] ?? .refused("Levee does not say what it does here") }
}
