import Base
import Columnar
import Parquet

/// A digest of a file's columns in the canonical form of Tests/Interop/parquet_digest.py, which makes the same of what pyarrow reads.
struct Digest {
    private(set) var state: UInt64 = 0xcbf2_9ce4_8422_2325

    var hexadecimal: String {
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    mutating func add(column name: String, _ values: [Scalar?]) {
        add("c\(name.utf8.count):\(name);")
        for value in values { add(value) }
    }

    private mutating func add(_ value: Scalar?) {
        switch value {
        case nil: add("n;")
        case let .bool(value): add(value ? "t;" : "f;")
        case let .integer(value): add("i\(value);")
        case let .float(value): add(Double(value))
        case let .double(value): add(value)
        case let .decimal(unscaled, scale): add("m\(Scalar.decimalDigits(unscaled, scale: scale));")
        case let .string(value): add("s\(value.utf8.count):\(value);")
        case let .binary(value):
            add("b\(value.count):")
            add(value.array)
            add(";")
        case let .date(days): add("D\(days);")
        case let .timestamp(value), let .timestampNTZ(value): add("T\(value);")
        case let .list(values): add("[", values, "]")
        case let .structure(values): add("{", values, "}")
        case let .map(entries): add("<", entries.flatMap { [$0.key, $0.value] }, ">")
        }
    }

    private mutating func add(_ value: Double) { add(value.isNaN ? "dnan;" : "d\(value.bitPattern);") }

    private mutating func add(_ open: String, _ values: [Scalar?], _ close: String) {
        add(open)
        for value in values { add(value) }
        add(close)
    }

    private mutating func add(_ text: String) { add(Array(text.utf8)) }

    private mutating func add(_ bytes: [UInt8]) {
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
}
