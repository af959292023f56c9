import Glibc

extension JSONScanner {
    /// Consumes a string and returns where its content stands. Escapes are checked when the content is taken.
    @inlinable
    public mutating func string() throws(JSONError) -> JSONText {
        guard peek() == UInt8(ascii: "\"") else { throw unexpected("a string") }
        let start = position &+ 1
        var at = start
        var hasEscapes = false
        while true {
            at = Self.indexOfSpecial(base, from: at, end: end)
            guard at < end else { throw .malformed(offset: end, reason: "the text ends inside the string that starts at byte \(start - 1)") }
            switch base[at] {
            case UInt8(ascii: "\""):
                position = at &+ 1
                isFirst = false
                return JSONText(offset: start, count: at &- start, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                at &+= 2
            default:
                throw .malformed(offset: at, reason: "a control character in a string; it must be escaped")
            }
        }
    }

    /// The first offset, from `from` on, of a quote, a backslash or a control character; at least `end` where there is none.
    @inlinable @inline(__always)
    static func indexOfSpecial(_ base: UnsafePointer<UInt8>, from: Int, end: Int) -> Int {
        let quote = SIMD16<UInt8>(repeating: 0x22)
        let backslash = SIMD16<UInt8>(repeating: 0x5C)
        let space = SIMD16<UInt8>(repeating: 0x20)
        var at = from
        while at < end {
            let block = UnsafeRawPointer(base + at).loadUnaligned(as: SIMD16<UInt8>.self)
            let special = (block .== quote) .| (block .== backslash) .| (block .< space)
            let words = unsafeBitCast(special, to: SIMD2<UInt64>.self)
            if words[0] != 0 { return at &+ words[0].trailingZeroBitCount &>> 3 }
            if words[1] != 0 { return at &+ 8 &+ words[1].trailingZeroBitCount &>> 3 }
            at &+= 16
        }
        return at
    }

    /// The bytes of a text as they are written, escapes and all. Valid as long as the scanner's buffer.
    @inlinable
    public func bytes(of text: JSONText) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + text.offset, count: text.count)
    }

    /// Whether a text without escapes is exactly `expected`; one with escapes never is, which for the log's member names nobody does.
    @inlinable @inline(__always)
    public func text(_ text: JSONText, equals expected: StaticString) -> Bool {
        text.count == expected.utf8CodeUnitCount && !text.hasEscapes && memcmp(base + text.offset, expected.utf8Start, text.count) == 0
    }

    /// The content as a `String`, escapes resolved. Throws for bytes that are not UTF-8 and for unpaired surrogates.
    public func string(of text: JSONText) throws(JSONError) -> String {
        if !text.hasEscapes { return try Self.validated(UnsafeBufferPointer(start: base + text.offset, count: text.count), offset: text.offset) }
        return try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: text.count) { target in
            Result { () throws(JSONError) -> String in
                let count = try unescape(text, into: target)
                return try Self.validated(UnsafeBufferPointer(rebasing: target[..<count]), offset: text.offset)
            }
        }.get()
    }

    private static func validated(_ bytes: UnsafeBufferPointer<UInt8>, offset: Int) throws(JSONError) -> String {
        // Not `String(validating:as:)`: that one is generic and looks metadata up at each call, a fifth of the parser's time.
        guard let span = try? UTF8Span(validating: bytes.span) else { throw .invalidUTF8(offset: offset) }
        return String(copying: span)
    }

    /// Writes the content, escapes resolved, to `target`, which must hold `text.count` bytes: resolving never makes a text longer. Returns how many were written.
    public func unescape(_ text: JSONText, into target: UnsafeMutableBufferPointer<UInt8>) throws(JSONError) -> Int {
        guard target.count >= text.count else { throw .malformed(offset: text.offset, reason: "the buffer for the string is too small") }
        guard let out = target.baseAddress, text.count > 0 else { return 0 }
        var read = text.offset
        let limit = text.offset + text.count
        var written = 0
        while read < limit {
            // `indexOfSpecial` also stops at the closing quote, which stands at `limit`.
            let run = min(Self.indexOfSpecial(base, from: read, end: limit), limit) - read
            memcpy(out + written, base + read, run)
            written += run
            read += run
            guard read < limit else { break }
            guard read + 1 < limit else { throw .malformed(offset: read, reason: "an escape that does not end") }
            let escape = base[read + 1]
            read += 2
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out[written] = escape
            case UInt8(ascii: "b"): out[written] = 0x08
            case UInt8(ascii: "f"): out[written] = 0x0C
            case UInt8(ascii: "n"): out[written] = 0x0A
            case UInt8(ascii: "r"): out[written] = 0x0D
            case UInt8(ascii: "t"): out[written] = 0x09
            case UInt8(ascii: "u"):
                let scalar = try escapedScalar(&read, limit: limit)
                for byte in Character(scalar).utf8 {
                    out[written] = byte
                    written += 1
                }
                continue
            default: throw .malformed(offset: read - 2, reason: "an escape that JSON does not have")
            }
            written += 1
        }
        return written
    }

    /// Reads what follows `\u`: four digits, or eight and another `\u` for a surrogate pair.
    private func escapedScalar(_ read: inout Int, limit: Int) throws(JSONError) -> Unicode.Scalar {
        let start = read - 2
        let unit = try hexadecimal(&read, limit: limit)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, read + 2 <= limit, base[read] == UInt8(ascii: "\\"), base[read + 1] == UInt8(ascii: "u") else {
            throw .malformed(offset: start, reason: "an unpaired surrogate")
        }
        read += 2
        let low = try hexadecimal(&read, limit: limit)
        guard (0xDC00...0xDFFF).contains(low), let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)) else {
            throw .malformed(offset: start, reason: "an unpaired surrogate")
        }
        return scalar
    }

    private func hexadecimal(_ read: inout Int, limit: Int) throws(JSONError) -> UInt32 {
        guard read + 4 <= limit else { throw .malformed(offset: read, reason: "a `\\u` escape that does not end") }
        var unit: UInt32 = 0
        for index in read..<read + 4 {
            guard let digit = base[index].hexadecimalDigit else {
                throw .malformed(offset: index, reason: "a `\\u` escape with something else than hexadecimal digits")
            }
            unit = unit << 4 | UInt32(digit)
        }
        read += 4
        return unit
    }
}

extension UInt8 {
    /// What this ASCII character stands for as a hexadecimal digit.
    @inlinable
    public var hexadecimalDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
