import Base

/// Writes Thrift's compact protocol. Fields must be written in ascending order of their ids.
struct CompactWriter: ~Copyable {
    private var output: BytesBuilder
    /// The id of the last field written in the current structure; the enclosing ones' are kept by ``structure(_:)``.
    private var lastField = 0

    init() { output = BytesBuilder(capacity: 256) }

    var count: Int { output.count }

    mutating func take() -> Bytes { output.take() }

    // MARK: Structures

    /// A top-level structure, or a list's element.
    mutating func structure(_ body: (inout CompactWriter) -> Void) {
        let outer = lastField
        lastField = 0
        body(&self)
        output.append(UInt8(0))
        lastField = outer
    }

    mutating func structure(_ id: Int, _ body: (inout CompactWriter) -> Void) {
        header(id, .structure)
        structure(body)
    }

    mutating func list<Elements: Collection>(
        _ id: Int, of kind: CompactReader.Kind, _ elements: Elements, _ body: (inout CompactWriter, Elements.Element) -> Void
    ) {
        header(id, .list)
        if elements.count < 15 {
            output.append(UInt8(elements.count) << 4 | kind.rawValue)
        } else {
            output.append(0xf0 | kind.rawValue)
            varint(UInt64(elements.count))
        }
        for element in elements { body(&self, element) }
    }

    // MARK: Fields

    mutating func field(_ id: Int, _ value: Int32) {
        header(id, .int32)
        zigzag(Int64(value))
    }

    mutating func field(_ id: Int, _ value: Int64) {
        header(id, .int64)
        zigzag(value)
    }

    mutating func field(_ id: Int, int16 value: Int16) {
        header(id, .int16)
        zigzag(Int64(value))
    }

    mutating func field(_ id: Int, byte value: Int8) {
        header(id, .byte)
        output.append(value)
    }

    mutating func field(_ id: Int, _ value: Bool) { header(id, value ? .boolTrue : .boolFalse) }

    mutating func field(_ id: Int, _ value: String) {
        header(id, .binary)
        string(value)
    }

    mutating func field(_ id: Int, _ value: Bytes) {
        header(id, .binary)
        binary(value)
    }

    // MARK: Elements

    mutating func zigzag(_ value: Int64) { varint(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }

    mutating func string(_ value: String) {
        varint(UInt64(value.utf8.count))
        var value = value
        value.withUTF8 { output.append(contentsOf: UnsafeRawBufferPointer($0)) }
    }

    mutating func binary(_ value: Bytes) {
        varint(UInt64(value.count))
        value.withUnsafeBytes { output.append(contentsOf: $0) }
    }

    /// A boolean as a list's element.
    mutating func element(_ value: Bool) { output.append(value ? CompactReader.Kind.boolTrue.rawValue : CompactReader.Kind.boolFalse.rawValue) }

    private mutating func header(_ id: Int, _ kind: CompactReader.Kind) {
        let delta = id - lastField
        if delta > 0, delta <= 15 {
            output.append(UInt8(delta) << 4 | kind.rawValue)
        } else {
            output.append(kind.rawValue)
            zigzag(Int64(id))
        }
        lastField = id
    }

    private mutating func varint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        output.append(UInt8(value))
    }
}
