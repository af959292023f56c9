import Base
import Columnar

extension SchemaElement {
    /// The flattened schema of a file with these columns: the root, then each field with its parts, in the three-level forms of LogicalTypes.md.
    static func elements(of schema: Schema) throws(ParquetError) -> [SchemaElement] {
        var root = SchemaElement(name: "schema")
        root.childCount = Int32(truncatingIfNeeded: schema.fields.count)
        var elements = [root]
        for field in schema.fields { try append(field, to: &elements, path: field.name) }
        return elements
    }

    private static func append(_ field: Field, to elements: inout [SchemaElement], path: String) throws(ParquetError) {
        var element = SchemaElement(name: field.name)
        element.repetition = field.nullable ? .optional : .required
        // Column mapping by id (Delta) and Iceberg both find columns by it.
        element.fieldID = field.metadata["parquet.field.id"]?.intValue.flatMap { Int32(exactly: $0) }
        switch field.type {
        case let .list(item):
            element.logicalType = .list
            element.childCount = 1
            elements.append(element)
            elements.append(repeated("list", children: 1))
            try append(Field("element", item.type, nullable: item.nullable, metadata: item.metadata), to: &elements, path: path + ".element")
        case let .map(key, value):
            element.logicalType = .map
            element.childCount = 1
            elements.append(element)
            elements.append(repeated("key_value", children: 2))
            try append(Field("key", key.type, nullable: false, metadata: key.metadata), to: &elements, path: path + ".key")
            try append(Field("value", value.type, nullable: value.nullable, metadata: value.metadata), to: &elements, path: path + ".value")
        case let .structure(fields):
            guard !fields.isEmpty else { throw .cannotWrite(column: path, reason: "a struct without fields cannot be stored in Parquet") }
            element.childCount = Int32(truncatingIfNeeded: fields.count)
            elements.append(element)
            for child in fields { try append(child, to: &elements, path: path + "." + child.name) }
        default:
            element.setLeafType(field.type)
            // A column of nothing but nulls must be able to hold them.
            if field.type == .null { element.repetition = .optional }
            elements.append(element)
        }
    }

    private static func repeated(_ name: String, children: Int32) -> SchemaElement {
        var element = SchemaElement(name: name)
        element.repetition = .repeated
        element.childCount = children
        return element
    }

    private mutating func setLeafType(_ type: DataType) {
        switch type {
        case .boolean: physicalType = .boolean
        case .byte: (physicalType, logicalType) = (.int32, .integer(bitWidth: 8, isSigned: true))
        case .short: (physicalType, logicalType) = (.int32, .integer(bitWidth: 16, isSigned: true))
        case .integer: physicalType = .int32
        case .long: physicalType = .int64
        case .float: physicalType = .float
        case .double: physicalType = .double
        case let .decimal(precision, scale):
            logicalType = .decimal(precision: precision, scale: scale)
            switch precision {
            case ...9: physicalType = .int32
            case ...DataType.maximumCompactDecimalPrecision: physicalType = .int64
            default:
                physicalType = .fixedLengthByteArray
                typeLength = Int32(Self.decimalBytes(precision: precision))
            }
        case .string: (physicalType, logicalType) = (.byteArray, .string)
        case .binary: physicalType = .byteArray
        case .date: (physicalType, logicalType) = (.int32, .date)
        case .timestamp: (physicalType, logicalType) = (.int64, .timestamp(isAdjustedToUTC: true, unit: .microseconds))
        case .timestampNTZ: (physicalType, logicalType) = (.int64, .timestamp(isAdjustedToUTC: false, unit: .microseconds))
        case .null, .list, .map, .structure: (physicalType, logicalType) = (.int32, .null)
        }
    }

    /// The fewest bytes of two's complement that hold every number of `precision` digits.
    static func decimalBytes(precision: Int) -> Int {
        var limit: Int128 = 1
        for _ in 0..<min(max(precision, 1), DataType.maximumDecimalPrecision) { limit *= 10 }
        var bytes = 1
        while bytes < 16, (Int128(1) << Int128(bytes * 8 - 1)) < limit { bytes += 1 }
        return bytes
    }
}
