import Base
import Columnar

/// Makes a column of a data file one of the table's type, where the file's type holds the same values in another form.
enum ColumnAdapter {
    /// Whether columns of `stored` can be made into `wanted`.
    static func canAdapt(_ stored: DataType, to wanted: DataType) -> Bool {
        switch (stored, wanted) {
        case _ where stored == wanted: true
        case (.null, _): true
        // Protocol, "Type Widening".
        case (.byte, .short), (.byte, .integer), (.byte, .long), (.short, .integer), (.short, .long), (.integer, .long), (.float, .double): true
        case (.byte, .double), (.short, .double), (.integer, .double), (.date, .timestampNTZ): true
        case let (.byte, .decimal(precision, scale)), let (.short, .decimal(precision, scale)), let (.integer, .decimal(precision, scale)):
            precision - scale >= 10
        case let (.long, .decimal(precision, scale)): precision - scale >= 20
        // Writers differ in whether they say that a time is UTC, and that bytes are text; the table's word goes.
        case (.timestamp, .timestampNTZ), (.timestampNTZ, .timestamp), (.binary, .string), (.string, .binary): true
        case let (.decimal(precision, scale), .decimal(wantedPrecision, wantedScale)):
            wantedScale >= scale && wantedPrecision - wantedScale >= precision - scale
        case let (.list(element), .list(wantedElement)): canAdapt(element.type, to: wantedElement.type)
        case let (.map(key, value), .map(wantedKey, wantedValue)): canAdapt(key.type, to: wantedKey.type) && canAdapt(value.type, to: wantedValue.type)
        case let (.structure(fields), .structure(wantedFields)):
            wantedFields.allSatisfy { wanted in
                guard let field = match(wanted.name, in: fields) else { return wanted.nullable }
                return canAdapt(fields[field].type, to: wanted.type)
            }
        default: false
        }
    }

    /// The column with the table's type. Call only where ``canAdapt(_:to:)`` holds for its type.
    static func adapt(_ column: Column, to wanted: DataType) throws(ColumnarError) -> Column {
        if column.type == wanted { return column }
        if column.type == .null { return .nulls(wanted, count: column.count) }
        let values: ColumnValues
        switch (column.values, column.type, wanted) {
        case let (.dictionary(codes, dictionary), _, _): values = .dictionary(codes: codes, dictionary: try adapt(dictionary, to: wanted))
        case let (.fixed(bytes), stored, _): values = .fixed(try widened(bytes, column, stored, wanted))
        case let (.list(offsets, elements), _, .list(element)): values = .list(offsets: offsets, elements: try adapt(elements, to: element.type))
        case let (.map(offsets, keys, entries), _, .map(key, value)):
            values = .map(offsets: offsets, keys: try adapt(keys, to: key.type), values: try adapt(entries, to: value.type))
        case let (.structure(children), .structure(fields), .structure(wantedFields)):
            var adapted: [Column] = []
            for field in wantedFields {
                if let place = match(field.name, in: fields) {
                    adapted.append(try adapt(children[place], to: field.type))
                } else {
                    adapted.append(.nulls(field.type, count: column.count))
                }
            }
            values = .structure(adapted)
        default: values = column.values
        }
        return Column(trusted: wanted, count: column.count, nullCount: column.nullCount, validity: column.validity, values: values)
    }

    /// The place of a name among a file's: exactly, or as Spark does, whatever its case.
    static func match(_ name: String, in fields: [Field]) -> Int? {
        if let exact = fields.firstIndex(where: { $0.name == name }) { return exact }
        let lowercased = name.lowercased()
        return fields.firstIndex { $0.name.lowercased() == lowercased }
    }

    private static func widened(_ bytes: Bytes, _ column: Column, _ stored: DataType, _ wanted: DataType) throws(ColumnarError) -> Bytes {
        let count = column.count
        return switch (stored, wanted) {
        case (.byte, .short): convert(bytes, count) { (value: Int8) in Int16(value) }
        case (.byte, .integer): convert(bytes, count) { (value: Int8) in Int32(value) }
        case (.byte, .long): convert(bytes, count) { (value: Int8) in Int64(value) }
        case (.short, .integer): convert(bytes, count) { (value: Int16) in Int32(value) }
        case (.short, .long): convert(bytes, count) { (value: Int16) in Int64(value) }
        case (.integer, .long): convert(bytes, count) { (value: Int32) in Int64(value) }
        case (.float, .double): convert(bytes, count) { (value: Float) in Double(value) }
        case (.byte, .double): convert(bytes, count) { (value: Int8) in Double(value) }
        case (.short, .double): convert(bytes, count) { (value: Int16) in Double(value) }
        case (.integer, .double): convert(bytes, count) { (value: Int32) in Double(value) }
        case (.date, .timestampNTZ): try microseconds(bytes, column)
        case let (.byte, .decimal(_, scale)): scaled(bytes, count, Int8.self, by: scale, wanted)
        case let (.short, .decimal(_, scale)): scaled(bytes, count, Int16.self, by: scale, wanted)
        case let (.integer, .decimal(_, scale)): scaled(bytes, count, Int32.self, by: scale, wanted)
        case let (.long, .decimal(_, scale)): scaled(bytes, count, Int64.self, by: scale, wanted)
        case let (.decimal(_, scale), .decimal(_, wantedScale)):
            if stored.fixedWidth == 8 {
                scale == wantedScale && wanted.fixedWidth == 8 ? bytes : scaled(bytes, count, Int64.self, by: wantedScale - scale, wanted)
            } else {
                scale == wantedScale ? bytes : scaled(bytes, count, Int128.self, by: wantedScale - scale, wanted)
            }
        default: bytes
        }
    }

    /// Numbers as unscaled values of a decimal with so many more digits behind the point. They fit where ``canAdapt(_:to:)`` holds; what a damaged file
    /// has in place of them wraps around.
    private static func scaled<From: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: Bytes, _ count: Int, _: From.Type, by digits: Int, _ wanted: DataType
    ) -> Bytes {
        var factor: Int128 = 1
        for _ in 0..<digits { factor &*= 10 }
        if wanted.fixedWidth == 8 { return convert(bytes, count) { (value: From) in Int64(truncatingIfNeeded: Int128(value) &* factor) } }
        return convert(bytes, count) { (value: From) in Int128(value) &* factor }
    }

    /// Midnight of each day. Days that the microseconds of 64 bits do not reach are no dates of Delta's, which end with the year 9999.
    private static func microseconds(_ bytes: Bytes, _ column: Column) throws(ColumnarError) -> Bytes {
        let furthest = Int32(truncatingIfNeeded: Int64.max / 86_400_000_000)
        for row in 0..<column.count where !column.isNull(at: row) {
            let day = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: row * 4, as: Int32.self) }
            guard day.magnitude <= furthest.magnitude else { throw .outOfRange(type: DataType.timestampNTZ.description, value: "day \(day)") }
        }
        return convert(bytes, column.count) { (day: Int32) in Int64(day) &* 86_400_000_000 }
    }

    private static func convert<From: BitwiseCopyable, To: BitwiseCopyable>(_ bytes: Bytes, _ count: Int, _ body: (From) -> To) -> Bytes {
        Bytes(capacity: count * MemoryLayout<To>.stride) { target in
            bytes.withUnsafeBytes { source in
                for row in 0..<count {
                    let value = source.loadUnaligned(fromByteOffset: row * MemoryLayout<From>.stride, as: From.self)
                    target.storeBytes(of: body(value), toByteOffset: row * MemoryLayout<To>.stride, as: To.self)
                }
            }
            return target.count
        }
    }
}
