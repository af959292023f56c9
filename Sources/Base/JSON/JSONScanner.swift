/// A pull scanner over JSON bytes: no tree, no allocation, the caller asks for what it expects next.
///
/// Made for the Delta log, where a commit has thousands of lines of which a few members are wanted, and the base of `JSON.parse`. Use:
///
///     var scanner = JSONScanner(padded: buffer)
///     try scanner.beginObject()
///     while let key = try scanner.nextKey() {
///         if scanner.text(key, equals: "size") { size = try scanner.integer() } else { try scanner.skipValue() }
///     }
///
/// After `nextKey()` gave a key, and after `nextElement()` returned true, exactly one value must be consumed. Everything that is passed over is
/// checked to be well-formed JSON, but strings are checked to be UTF-8 only when they become a `String`.
///
/// What makes it fast: strings are searched 16 bytes at a time, past the end of the text if need be, which is why the bytes must be padded.
@frozen
public struct JSONScanner {
    @usableFromInline let base: UnsafePointer<UInt8>
    /// The number of bytes of the text.
    public let end: Int
    /// The offset of the next byte that is looked at. Set it only to where a value or a line starts.
    public var position: Int
    /// Right behind a `{` or `[`, where no comma belongs.
    @usableFromInline var isFirst: Bool
    @usableFromInline var depth: Int

    /// Scans bytes that stay valid and unchanged, and that are followed by at least ``Bytes/padding`` bytes of readable memory, as those of every ``Bytes`` are.
    @inlinable
    public init(padded bytes: UnsafeRawBufferPointer) {
        base = (bytes.baseAddress ?? UnsafeRawPointer(Self.nothing)).assumingMemoryBound(to: UInt8.self)
        end = bytes.count
        position = 0
        isFirst = false
        depth = 0
    }

    /// What a buffer without an address points to. Unsafe only in name: nobody writes to it, or reads from it, as `end` is 0 then.
    @usableFromInline nonisolated(unsafe) static let nothing = UnsafePointer(UnsafeMutablePointer<UInt8>.allocate(capacity: Bytes.padding))
}

/// Where a string or number stands in a scanner's text.
@frozen
public struct JSONText: Sendable {
    /// Of the first byte behind the opening quote.
    public let offset: Int
    /// In bytes, as written.
    public let count: Int
    /// Whether there are backslashes, so that the bytes are not yet the content.
    public let hasEscapes: Bool

    @inlinable
    public init(offset: Int, count: Int, hasEscapes: Bool) {
        self.offset = offset
        self.count = count
        self.hasEscapes = hasEscapes
    }
}

/// The kind of value that comes next.
@frozen
public enum JSONKind: Sendable {
    case null, bool, number, string, array, object
}

// MARK: Structure

extension JSONScanner {
    /// The next byte that is no white space, without consuming it; nil at the end.
    @inlinable @inline(__always)
    public mutating func peek() -> UInt8? {
        while position < end {
            let byte = base[position]
            if byte > 0x20 { return byte }
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            position &+= 1
        }
        return nil
    }

    /// The kind of the next value, judged by its first byte; throws where no value can start.
    @inlinable
    public mutating func kind() throws(JSONError) -> JSONKind {
        switch peek() ?? 0 {
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw unexpected("a value")
        }
    }

    @inlinable
    public mutating func beginObject() throws(JSONError) { try open(UInt8(ascii: "{"), "an object") }

    @inlinable
    public mutating func beginArray() throws(JSONError) { try open(UInt8(ascii: "["), "an array") }

    @inlinable @inline(__always)
    mutating func open(_ bracket: UInt8, _ name: StaticString) throws(JSONError) {
        guard peek() == bracket else { throw unexpected(name) }
        position &+= 1
        depth &+= 1
        guard depth <= JSON.maximumDepth else { throw .tooDeep(offset: position - 1) }
        isFirst = true
    }

    /// Consumes the next key and its colon; nil, once, at the object's end, which is consumed too.
    @inlinable
    public mutating func nextKey() throws(JSONError) -> JSONText? {
        var byte = peek()
        if byte == UInt8(ascii: "}") {
            close()
            return nil
        }
        if !isFirst {
            guard byte == UInt8(ascii: ",") else { throw unexpected("`,` or `}`") }
            position &+= 1
            byte = peek()
        }
        guard byte == UInt8(ascii: "\"") else { throw unexpected("a member name") }
        let key = try string()
        guard peek() == UInt8(ascii: ":") else { throw unexpected("`:`") }
        position &+= 1
        return key
    }

    /// Whether another element follows, whose value must then be consumed; at the array's end false, and the end is consumed.
    @inlinable
    public mutating func nextElement() throws(JSONError) -> Bool {
        let byte = peek()
        if byte == UInt8(ascii: "]") {
            close()
            return false
        }
        if !isFirst {
            guard byte == UInt8(ascii: ",") else { throw unexpected("`,` or `]`") }
            position &+= 1
            if peek() == UInt8(ascii: "]") { throw unexpected("a value") }
        }
        isFirst = false
        return true
    }

    @inlinable @inline(__always)
    mutating func close() {
        position &+= 1
        depth &-= 1
        isFirst = false
    }

    /// Throws unless only white space is left.
    @inlinable
    public mutating func expectEnd() throws(JSONError) {
        if peek() != nil { throw unexpected("the end") }
    }

    /// Consumes a value of any kind and returns where it stood, white space around it left out.
    @inlinable
    @discardableResult
    public mutating func skipValue() throws(JSONError) -> Range<Int> {
        let kind = try kind()
        let start = position
        switch kind {
        case .string: _ = try string()
        case .number: _ = try numberText()
        case .bool: _ = try bool()
        case .null: try null()
        case .object:
            try beginObject()
            while try nextKey() != nil { try skipValue() }
        case .array:
            try beginArray()
            while try nextElement() { try skipValue() }
        }
        return start..<position
    }

    @usableFromInline @inline(never)
    func unexpected(_ wanted: StaticString) -> JSONError {
        guard position < end else { return .malformed(offset: end, reason: "the text ends where \(wanted) was expected") }
        let byte = base[position]
        let found = (0x21...0x7E).contains(byte) ? "`\(Character(Unicode.Scalar(byte)))`" : "the byte \(byte)"
        return .malformed(offset: position, reason: "expected \(wanted), found \(found)")
    }
}

// MARK: Literals

extension JSONScanner {
    @inlinable
    public mutating func bool() throws(JSONError) -> Bool {
        switch peek() {
        case UInt8(ascii: "t"):
            try literal("true")
            return true
        case UInt8(ascii: "f"):
            try literal("false")
            return false
        default: throw unexpected("a boolean")
        }
    }

    @inlinable
    public mutating func null() throws(JSONError) {
        guard peek() == UInt8(ascii: "n") else { throw unexpected("null") }
        try literal("null")
    }

    /// Consumes `null` if that is what comes next.
    @inlinable
    public mutating func takeNull() throws(JSONError) -> Bool {
        guard peek() == UInt8(ascii: "n") else { return false }
        try literal("null")
        return true
    }

    @inlinable
    mutating func literal(_ text: StaticString) throws(JSONError) {
        let count = text.utf8CodeUnitCount
        guard count <= end - position else { throw .malformed(offset: end, reason: "the text ends inside `\(text)`") }
        for index in 0..<count where base[position &+ index] != text.utf8Start[index] {
            throw .malformed(offset: position, reason: "expected `\(text)`")
        }
        position &+= count
        isFirst = false
    }
}
