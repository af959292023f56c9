import Base
import Columnar

/// Random schemas and columns. Print the seed where a test uses them.
struct RandomColumns {
    let random: SeededRandomSource

    init(seed: UInt64) { random = SeededRandomSource(seed: seed) }

    static let flatTypes: [DataType] = [
        .boolean, .byte, .short, .integer, .long, .float, .double, .decimal(precision: 7, scale: 2), .decimal(precision: 18, scale: 0),
        .decimal(precision: 27, scale: 9), .decimal(precision: 38, scale: 38), .string, .binary, .date, .timestamp, .timestampNTZ, .null,
    ]

    func schema(columns: Int, depth: Int) -> Schema {
        Schema((0..<columns).map { Field("c\($0)", type(depth: depth), nullable: random.integer(below: 4) > 0) })
    }

    func type(depth: Int) -> DataType {
        guard depth > 0, random.integer(below: 2) == 0 else { return Self.flatTypes[random.integer(below: Self.flatTypes.count)] }
        func part(_ name: String) -> Field { Field(name, type(depth: depth - 1), nullable: random.integer(below: 3) > 0) }
        switch random.integer(below: 3) {
        case 0: return .list(element: part("element"))
        case 1: return .map(key: Field("key", [DataType.string, .integer, .date][random.integer(below: 3)], nullable: false), value: part("value"))
        default: return .structure((0..<(1 + random.integer(below: 3))).map { part("f\($0)") })
        }
    }

    /// A column whose values are few or all different, with nulls rare, common or absent.
    func column(_ field: Field, rows: Int) throws -> Column {
        let builder = ColumnBuilder(type: field.type, capacity: rows)
        let style = Style(nullOf: field.nullable ? [0, 3, 50][random.integer(below: 3)] : 0, distinct: [1, 5, 1 << 40][random.integer(below: 3)])
        for _ in 0..<rows { try builder.append(value(field, style)) }
        return builder.finish()
    }

    private struct Style {
        /// One in so many is null; 0 for none.
        let nullOf: Int
        let distinct: Int
    }

    private func value(_ field: Field, _ style: Style) -> Scalar? {
        if field.type == .null { return nil }
        if field.nullable, style.nullOf > 0, random.integer(below: style.nullOf) == 0 { return nil }
        let pick = SeededRandomSource(seed: UInt64(random.integer(below: style.distinct)))
        func bits() -> Int64 { Int64(bitPattern: pick.next()) >> Int64(pick.integer(below: 64)) }
        switch field.type {
        case .boolean: return .bool(pick.next() & 1 == 0)
        case .byte: return .integer(Int64(Int8(truncatingIfNeeded: bits())))
        case .short: return .integer(Int64(Int16(truncatingIfNeeded: bits())))
        case .integer: return .integer(Int64(Int32(truncatingIfNeeded: bits())))
        case .long: return .integer(bits())
        case .float: return .float(Float(bitPattern: UInt32(truncatingIfNeeded: pick.next())))
        case .double: return .double(pick.integer(below: 5) == 0 ? 0 : Double(bitPattern: pick.next()))
        case let .decimal(precision, scale):
            var limit: Int128 = 1
            for _ in 0..<precision { limit *= 10 }
            return .decimal((Int128(bits()) << 64 | Int128(pick.next() >> 1)) % limit, scale: scale)
        case .string: return .string(text(pick))
        case .binary: return .binary(Bytes((0..<pick.integer(below: 70)).map { _ in UInt8(truncatingIfNeeded: pick.next()) }))
        case .date: return .date(Int32(truncatingIfNeeded: bits()))
        case .timestamp: return .timestamp(bits())
        case .timestampNTZ: return .timestampNTZ(bits())
        case let .list(element): return .list((0..<length()).map { _ in value(element, style) })
        case let .map(key, entry):
            return .map((0..<length()).map { _ in Scalar.Entry(key: value(key, style), value: value(entry, style)) })
        case let .structure(fields): return .structure(fields.map { value($0, style) })
        case .null: return nil
        }
    }

    private func length() -> Int { [0, 1, 2, 7][random.integer(below: 4)] }

    private func text(_ pick: SeededRandomSource) -> String {
        let alphabet: [Unicode.Scalar] = ["a", "b", "z", "0", "é", "中", "🙂", "\u{0}"]
        var text = ""
        for _ in 0..<[0, 3, 12, 90][pick.integer(below: 4)] { text.unicodeScalars.append(alphabet[pick.integer(below: alphabet.count)]) }
        return text
    }
}

extension Column {
    var scalars: [Scalar?] { (0..<count).map { value(at: $0) } }
}
