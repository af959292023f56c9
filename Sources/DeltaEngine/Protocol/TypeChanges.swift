import Base
import Columnar

/// The record of widened types in a schema (protocol, "Type Change Metadata").
enum TypeChanges {
    static let key = "delta.typeChanges"

    /// The first change that the protocol does not allow and readers must refuse, in words; nil where there is none.
    static func unsupported(in schema: Schema) -> String? { schema.fields.lazy.compactMap { unsupported(in: $0, path: $0.name) }.first }

    private static func unsupported(in field: Field, path: String) -> String? {
        if let record = field.metadata[key] {
            guard let changes = record.arrayValue else { return "the record of type changes of column \(path) is no list" }
            for change in changes {
                guard let from = change["fromType"]?.stringValue, let to = change["toType"]?.stringValue else {
                    return "a type change of column \(path) does not say from what to what"
                }
                guard let fromType = SchemaJSON.primitive(from), let toType = SchemaJSON.primitive(to), isWidening(fromType, toType) else {
                    return "column \(path) was changed from \(from) to \(to), which Levee does not convert"
                }
            }
        }
        return switch field.type {
        case let .structure(fields): fields.lazy.compactMap { unsupported(in: $0, path: "\(path).\($0.name)") }.first
        case let .list(element): unsupported(in: element, path: path + ".element")
        case let .map(mapKey, value): unsupported(in: mapKey, path: path + ".key") ?? unsupported(in: value, path: path + ".value")
        default: nil
        }
    }

    /// The protocol's list of supported type changes.
    static func isWidening(_ from: DataType, _ to: DataType) -> Bool {
        switch (from, to) {
        case (.byte, .short), (.byte, .integer), (.byte, .long), (.short, .integer), (.short, .long), (.integer, .long), (.float, .double),
            (.byte, .double), (.short, .double), (.integer, .double), (.date, .timestampNTZ):
            true
        case let (.decimal(precision, scale), .decimal(wider, wantedScale)): wantedScale >= scale && wider - precision >= wantedScale - scale
        case let (.byte, .decimal(precision, scale)), let (.short, .decimal(precision, scale)), let (.integer, .decimal(precision, scale)):
            precision - scale >= 10
        case let (.long, .decimal(precision, scale)): precision - scale >= 20
        default: false
        }
    }
}
