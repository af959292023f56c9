import Base
import Columnar

/// Columns of the type `variant` (protocol, "Variant Data Type"): Levee carries their two binaries, `value` and `metadata`, and does not look inside.
///
/// The type is the struct that files have, marked so that schemas and statistics know it from a struct that somebody made.
extension DataType {
    private static let mark = "levee.variant"

    static let variant = DataType.structure(
        ["value", "metadata"].map { Field($0, .binary, nullable: false, metadata: [mark: .bool(true)]) })

    /// Whether it is that type. One that has it nested somewhere is not.
    public var isVariant: Bool {
        if case let .structure(fields) = self { !fields.isEmpty && fields.allSatisfy { $0.metadata[Self.mark] != nil } } else { false }
    }

    /// Whether it is that type, or has it nested somewhere.
    var hasVariant: Bool {
        if isVariant { return true }
        return switch self {
        case let .structure(fields): fields.contains { $0.type.hasVariant }
        case let .list(element): element.type.hasVariant
        case let .map(key, value): key.type.hasVariant || value.type.hasVariant
        default: false
        }
    }

    /// Whether a file's column of this type has values in `typed_value` that belong into a variant (protocol, "Variant Shredding").
    func isShredded(as wanted: DataType) -> Bool {
        switch (self, wanted) {
        case let (.structure(fields), _) where wanted.isVariant: fields.contains { $0.name == "typed_value" }
        case let (.structure(fields), .structure(wantedFields)):
            wantedFields.contains { wanted in
                ColumnAdapter.match(wanted.name, in: fields).map { fields[$0].type.isShredded(as: wanted.type) } ?? false
            }
        case let (.list(element), .list(wantedElement)): element.type.isShredded(as: wantedElement.type)
        case let (.map(key, value), .map(wantedKey, wantedValue)):
            key.type.isShredded(as: wantedKey.type) || value.type.isShredded(as: wantedValue.type)
        default: false
        }
    }
}

extension Schema {
    /// The first column that is a variant or has one nested in it.
    var variantColumn: Field? { fields.first { $0.type.hasVariant } }
}
