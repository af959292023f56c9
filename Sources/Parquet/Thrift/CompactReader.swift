/// Reads Thrift's compact protocol (thrift-compact-protocol.md) from memory: borrowed input, no allocation but for the strings that are asked for.
///
/// Every length is checked against what is left of the input before it is used, and nesting is bounded.
struct CompactReader {
    enum Kind: UInt8 {
        case stop = 0
        case boolTrue, boolFalse, byte, int16, int32, int64, double, binary, list, set, map, structure, uuid
    }

    /// Parquet's deepest structure is a handful of levels; skipping unknown fields must not recurse further than this.
    static let maximumDepth = 32

    private let input: UnsafeRawBufferPointer
    private(set) var position = 0
    private var depth = 0

    init(_ input: UnsafeRawBufferPointer) { self.input = input }

    private var remaining: Int { input.count - position }

    // MARK: Structures

    /// Calls `field` with each field of the structure that starts here; what `field` says it did not read (false) is skipped.
    mutating func structure(_ field: (inout CompactReader, _ id: Int, _ kind: Kind) throws(Damage) -> Bool) throws(Damage) {
        depth += 1
        guard depth <= Self.maximumDepth else { throw Damage("structures are nested more than \(Self.maximumDepth) deep", at: position) }
        defer { depth -= 1 }
        var id = 0
        while true {
            let header = try byte()
            guard let kind = Kind(rawValue: header & 0x0f) else { throw Damage("field type \(header & 0x0f) does not exist", at: position - 1) }
            if kind == .stop { return }
            let delta = Int(header >> 4)
            id = delta == 0 ? Int(try int16()) : id + delta
            if try !field(&self, id, kind) { try skip(kind) }
        }
    }

    /// The header of a list: how many elements follow. A count that the rest of the input cannot hold is refused.
    mutating func listHeader() throws(Damage) -> (count: Int, kind: Kind) {
        let header = try byte()
        guard let kind = Kind(rawValue: header & 0x0f), kind != .stop else {
            throw Damage("list element type \(header & 0x0f) does not exist", at: position - 1)
        }
        let short = Int(header >> 4)
        let count = short == 15 ? try length() : short
        guard count <= remaining else { throw Damage("a list of \(count) elements in \(remaining) bytes", at: position) }
        return (count, kind)
    }

    /// A list of structures, one call of `element` for each.
    mutating func structures<Element>(_ element: (inout CompactReader) throws(Damage) -> Element) throws(Damage) -> [Element] {
        let (count, kind) = try listHeader()
        guard kind == .structure || count == 0 else { throw Damage("expected a list of structures", at: position) }
        var elements: [Element] = []
        for _ in 0..<count { elements.append(try element(&self)) }
        return elements
    }

    mutating func strings() throws(Damage) -> [String] {
        let (count, kind) = try listHeader()
        guard kind == .binary || count == 0 else { throw Damage("expected a list of strings", at: position) }
        var elements: [String] = []
        for _ in 0..<count { elements.append(try string()) }
        return elements
    }

    mutating func int32s() throws(Damage) -> [Int32] {
        let (count, kind) = try listHeader()
        guard kind == .int32 || count == 0 else { throw Damage("expected a list of 32-bit integers", at: position) }
        var elements: [Int32] = []
        for _ in 0..<count { elements.append(try int32()) }
        return elements
    }

    // MARK: Values

    mutating func byte() throws(Damage) -> UInt8 {
        guard position < input.count else { throw Damage("it ends in the middle of a structure", at: position) }
        defer { position += 1 }
        return input[position]
    }

    private mutating func varint() throws(Damage) -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try byte()
            result |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return result }
            shift += 7
            guard shift < 64 else { throw Damage("a number is longer than 64 bits", at: position) }
        }
    }

    mutating func int64() throws(Damage) -> Int64 {
        let raw = try varint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    mutating func int32() throws(Damage) -> Int32 {
        let value = try int64()
        guard let narrowed = Int32(exactly: value) else { throw Damage("\(value) where a 32-bit number belongs", at: position) }
        return narrowed
    }

    mutating func int16() throws(Damage) -> Int16 {
        let value = try int64()
        guard let narrowed = Int16(exactly: value) else { throw Damage("\(value) where a 16-bit number belongs", at: position) }
        return narrowed
    }

    private mutating func length() throws(Damage) -> Int {
        let raw = try varint()
        guard raw <= UInt64(Int32.max) else { throw Damage("a length of \(raw)", at: position) }
        return Int(raw)
    }

    /// A string's or binary's bytes, where they lie.
    mutating func binary() throws(Damage) -> UnsafeRawBufferPointer {
        let count = try length()
        guard count <= remaining else { throw Damage("\(count) bytes of text where \(remaining) are left", at: position) }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: input[position..<(position + count)])
    }

    mutating func string() throws(Damage) -> String { String(decoding: try binary(), as: UTF8.self) }

    /// A boolean field's value is in its type.
    func bool(_ kind: Kind) throws(Damage) -> Bool {
        switch kind {
        case .boolTrue: true
        case .boolFalse: false
        default: throw Damage("expected a boolean", at: position)
        }
    }

    // MARK: Skipping

    mutating func skip(_ kind: Kind) throws(Damage) {
        switch kind {
        case .stop, .boolTrue, .boolFalse: break
        case .byte: try advance(1)
        case .int16, .int32, .int64: _ = try varint()
        case .double: try advance(8)
        case .uuid: try advance(16)
        case .binary: _ = try binary()
        case .list, .set:
            let (count, element) = try listHeader()
            try nested { (reader) throws(Damage) in for _ in 0..<count { try reader.skipElement(element) } }
        case .map:
            let count = try length()
            guard count > 0 else { return }
            guard count <= remaining else { throw Damage("a map of \(count) entries in \(remaining) bytes", at: position) }
            let kinds = try byte()
            guard let key = Kind(rawValue: kinds >> 4), let value = Kind(rawValue: kinds & 0x0f) else { throw Damage("a map of unknown types", at: position) }
            try nested { (reader) throws(Damage) in
                for _ in 0..<count {
                    try reader.skipElement(key)
                    try reader.skipElement(value)
                }
            }
        case .structure:
            try structure { (_, _, _) throws(Damage) in false }
        }
    }

    /// Inside lists and maps a boolean takes a byte of its own.
    private mutating func skipElement(_ kind: Kind) throws(Damage) {
        if kind == .boolTrue || kind == .boolFalse { try advance(1) } else { try skip(kind) }
    }

    private mutating func nested(_ body: (inout CompactReader) throws(Damage) -> Void) throws(Damage) {
        depth += 1
        guard depth <= Self.maximumDepth else { throw Damage("lists are nested more than \(Self.maximumDepth) deep", at: position) }
        defer { depth -= 1 }
        try body(&self)
    }

    private mutating func advance(_ count: Int) throws(Damage) {
        guard count <= remaining else { throw Damage("it ends in the middle of a value", at: position) }
        position += count
    }
}
