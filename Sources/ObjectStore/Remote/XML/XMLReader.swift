import Base

/// Why a document is not the XML that a store's service speaks.
struct XMLError: Error, Sendable, Hashable, CustomStringConvertible {
    let reason: String
    /// Where in the document, in bytes.
    let offset: Int

    var description: String { "the XML is not well-formed at byte \(offset): \(reason)" }
}

/// Pulls elements and texts out of a document, as far as store services use XML: elements, texts, attributes (on request), comments, CDATA.
///
/// Strict, and made for hostile bytes: no document types, no entities but the five that XML has and character references, a bound on depth and on the
/// length of texts, and never more memory than the document's own size.
struct XMLReader {
    enum Event: Hashable {
        /// The name without its namespace prefix.
        case start(String)
        case text(String)
        case end(String)
    }

    static let maximumDepth = 16
    static let maximumTextSize = 64 << 10

    /// An event by its places in the document: whoever skips it pays for no string.
    private enum Token {
        case start(Range<Int>)
        case text(Range<Int>, hasReference: Bool)
        case end(Range<Int>)
    }

    private let bytes: Bytes
    private var position = 0
    private var open: [Range<Int>] = []
    /// The name of an element that was written as `<x/>`, whose end comes next.
    private var pendingEnd: Range<Int>?
    private var seenRoot = false
    /// Of the tag that was read last.
    private var attributes = 0..<0

    init(_ bytes: Bytes) {
        self.bytes = bytes
        // A byte order mark.
        if bytes.prefix(3).array == [0xEF, 0xBB, 0xBF] { position = 3 }
    }

    /// The next event; nil at the end of a complete document. Texts of nothing but white space between elements are left out.
    mutating func next() throws(XMLError) -> Event? {
        switch try token() {
        case let .start(name): .start(try localName(name))
        case let .text(range, hasReference): .text(try text(range, hasReference))
        case let .end(name): .end(try localName(name))
        case nil: nil
        }
    }

    private mutating func token() throws(XMLError) -> Token? {
        if let name = pendingEnd {
            pendingEnd = nil
            return .end(name)
        }
        while position < bytes.count {
            guard byte(position) == UInt8(ascii: "<") else {
                if let text = try text() { return text }
                continue
            }
            switch byte(position + 1) {
            case UInt8(ascii: "/"): return try end()
            case UInt8(ascii: "?"): position = try find("?>", after: position + 2)
            case UInt8(ascii: "!"):
                if starts("<!--") {
                    position = try find("-->", after: position + 4)
                } else if starts("<![CDATA[") {
                    guard !open.isEmpty else { throw error("text outside the root element") }
                    let begin = position + 9
                    position = try find("]]>", after: begin)
                    return .text(begin..<position - 3, hasReference: false)
                } else {
                    throw error("a document type, which is not taken")
                }
            default: return try start()
            }
        }
        guard open.isEmpty, seenRoot else { throw error("it ends before its root element does") }
        return nil
    }

    /// The text of the element that has just started, up to its end. An element inside is an error.
    mutating func textOfElement() throws(XMLError) -> String {
        var text = ""
        while let token = try token() {
            switch token {
            case let .text(range, hasReference):
                let piece = try self.text(range, hasReference)
                if text.isEmpty { text = piece } else { text += piece }
                guard text.utf8.count <= Self.maximumTextSize else { throw error("a text of more than \(Self.maximumTextSize) bytes") }
            case .end: return text
            case let .start(name): throw error("an element <\(try localName(name))> where a text was to be")
            }
        }
        throw error("it ends inside an element")
    }

    /// Leaves out what remains of the element that has just started.
    mutating func skipElement() throws(XMLError) {
        var depth = 1
        while depth > 0 {
            switch try token() {
            case .start: depth += 1
            case .end: depth -= 1
            case .text: continue
            case nil: throw error("it ends inside an element")
            }
        }
    }

    /// Calls `body` for each child of the element that has just started, until its end. `body` reads the child to its end, by ``textOfElement()``,
    /// ``skipElement()`` or this.
    mutating func forEachChild(_ body: (inout XMLReader, String) throws(XMLError) -> Void) throws(XMLError) {
        while true {
            switch try token() {
            case let .start(name): try body(&self, try localName(name))
            case .text: continue
            case .end: return
            case nil: throw error("it ends inside an element")
            }
        }
    }

    /// An attribute of the element that has just started, as it is written: references are not resolved.
    func attribute(_ name: String) -> String? {
        guard let text = bytes.withUnsafeBytes({ String(validating: $0[attributes], as: UTF8.self) }) else { return nil }
        var rest = text[...]
        while let equals = rest.firstIndex(of: "=") {
            let key = String(rest[..<equals]).trimmingWhiteSpace
            let value = rest[rest.index(after: equals)...].drop { $0.isWhitespace }
            guard let quote = value.first, quote == "\"" || quote == "'", let end = value.dropFirst().firstIndex(of: quote) else { return nil }
            if key == name { return String(value[value.index(after: value.startIndex)..<end]) }
            rest = value[value.index(after: end)...]
        }
        return nil
    }

    /// The root element's name; its children are read next.
    mutating func root() throws(XMLError) -> String {
        guard case let .start(name) = try next() else { throw error("it has no root element") }
        return name
    }

    private func error(_ reason: String) -> XMLError { XMLError(reason: reason, offset: position) }

    private func byte(_ index: Int) -> UInt8 { bytes.withUnsafeBytes { index < $0.count ? $0[index] : 0 } }

    private func starts(_ text: StaticString) -> Bool {
        bytes.withUnsafeBytes { buffer in
            text.withUTF8Buffer { position + $0.count <= buffer.count && buffer[position..<position + $0.count].elementsEqual($0) }
        }
    }

    /// The place behind the next occurrence.
    private func find(_ text: StaticString, after begin: Int) throws(XMLError) -> Int {
        let found: Int? = bytes.withUnsafeBytes { buffer in
            text.withUTF8Buffer { wanted in
                var place = begin
                while place + wanted.count <= buffer.count {
                    if buffer[place] == wanted[0], buffer[place..<place + wanted.count].elementsEqual(wanted) { return place + wanted.count }
                    place += 1
                }
                return nil
            }
        }
        guard let found else { throw error("it ends before \(text)") }
        return found
    }

    private func string(_ range: Range<Int>) throws(XMLError) -> String {
        guard range.count <= Self.maximumTextSize else { throw error("a text of more than \(Self.maximumTextSize) bytes") }
        let text = bytes.withUnsafeBytes { buffer -> String? in
            let part = UnsafeRawBufferPointer(rebasing: buffer[range])
            // Validating costs several times as much, and nearly all texts need none.
            return part.allSatisfy { $0 < 0x80 } ? String(decoding: part, as: UTF8.self) : String(validating: part, as: UTF8.self)
        }
        guard let text else { throw error("it is not UTF-8") }
        return text
    }

    private func nameEnd(from begin: Int) -> Int {
        bytes.withUnsafeBytes { buffer in
            var end = begin
            while end < buffer.count, buffer[end].isXMLName { end += 1 }
            return end
        }
    }

    /// A name without its prefix.
    private func localName(_ range: Range<Int>) throws(XMLError) -> String {
        let begin = bytes.withUnsafeBytes { $0[range].lastIndex(of: UInt8(ascii: ":")).map { $0 + 1 } ?? range.lowerBound }
        return try string(begin..<range.upperBound)
    }

    private mutating func start() throws(XMLError) -> Token {
        let begin = position + 1
        let end = nameEnd(from: begin)
        guard end > begin, end - begin <= 256 else { throw error("a `<` that starts no element") }
        guard !open.isEmpty || !seenRoot else { throw error("a second root element") }
        guard open.count < Self.maximumDepth else { throw error("more than \(Self.maximumDepth) elements inside each other") }
        position = end
        try skipAttributes()
        attributes = end..<position
        seenRoot = true
        if byte(position) == UInt8(ascii: "/") {
            guard byte(position + 1) == UInt8(ascii: ">") else { throw error("a `/` inside a tag") }
            position += 2
            pendingEnd = begin..<end
        } else {
            guard byte(position) == UInt8(ascii: ">") else { throw error("it ends inside a tag") }
            position += 1
            open.append(begin..<end)
        }
        return .start(begin..<end)
    }

    private mutating func skipAttributes() throws(XMLError) {
        while position < bytes.count {
            switch byte(position) {
            case UInt8(ascii: ">"), UInt8(ascii: "/"): return
            case let quote where quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"):
                position = try find(quote == UInt8(ascii: "'") ? "'" : "\"", after: position + 1)
            case UInt8(ascii: "<"): throw error("a `<` inside a tag")
            default: position += 1
            }
        }
    }

    private mutating func end() throws(XMLError) -> Token {
        let begin = position + 2
        let end = nameEnd(from: begin)
        guard let opened = open.last,
            bytes.withUnsafeBytes({ $0[opened].elementsEqual($0[begin..<end]) })
        else { throw error("an end tag that ends no element") }
        position = end
        while byte(position).isXMLSpace { position += 1 }
        guard byte(position) == UInt8(ascii: ">") else { throw error("an end tag that does not end") }
        position += 1
        open.removeLast()
        return .end(opened)
    }

    private mutating func text() throws(XMLError) -> Token? {
        let begin = position
        let (end, hasReference, isBlank) = bytes.withUnsafeBytes { buffer in
            var place = begin
            var hasReference = false
            var isBlank = true
            while place < buffer.count, buffer[place] != UInt8(ascii: "<") {
                if buffer[place] == UInt8(ascii: "&") { hasReference = true }
                if !buffer[place].isXMLSpace { isBlank = false }
                place += 1
            }
            return (place, hasReference, isBlank)
        }
        position = end
        if isBlank, open.isEmpty || isBetweenTags(begin) { return nil }
        guard !open.isEmpty else { throw error("text outside the root element") }
        return .text(begin..<position, hasReference: hasReference)
    }

    private func text(_ range: Range<Int>, _ hasReference: Bool) throws(XMLError) -> String {
        let raw = try string(range)
        return hasReference ? try resolved(raw) : raw
    }

    /// Whether blank text only sets tags apart: behind an end tag, or before another start tag. A key that is a space stands between a start and its end.
    private func isBetweenTags(_ begin: Int) -> Bool { byte(position + 1) != UInt8(ascii: "/") || isBehindEndTag(begin) }

    private func isBehindEndTag(_ begin: Int) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var place = begin - 1
            if place >= 1, buffer[place - 1] == UInt8(ascii: "/") { return true }
            while place > 0, buffer[place] != UInt8(ascii: "<") { place -= 1 }
            return place + 1 < buffer.count && buffer[place + 1] == UInt8(ascii: "/")
        }
    }

    private func resolved(_ raw: String) throws(XMLError) -> String {
        var text = ""
        text.reserveCapacity(raw.utf8.count)
        var rest = raw[...]
        while let ampersand = rest.utf8.firstIndex(of: UInt8(ascii: "&")) {
            text += rest[..<ampersand]
            guard let semicolon = rest.utf8[ampersand...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else { throw error("a `&` without its `;`") }
            let name = rest[rest.utf8.index(after: ampersand)..<semicolon]
            switch name {
            case "amp": text += "&"
            case "lt": text += "<"
            case "gt": text += ">"
            case "quot": text += "\""
            case "apos": text += "'"
            default:
                let isHexadecimal = name.hasPrefix("#x")
                guard name.hasPrefix("#"), !name.contains("+"), let number = UInt32(name.dropFirst(isHexadecimal ? 2 : 1), radix: isHexadecimal ? 16 : 10),
                    let scalar = Unicode.Scalar(number), number != 0
                else { throw error("the entity `&\(String(name).shownShort(12));`, which is not taken") }
                text.unicodeScalars.append(scalar)
            }
            rest = rest[rest.utf8.index(after: semicolon)...]
        }
        return text + rest
    }
}

extension UInt8 {
    fileprivate var isXMLSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }

    fileprivate var isXMLName: Bool {
        switch self {
        case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2D, 0x2E, 0x3A, 0x5F, 0x80...0xFF: true
        default: false
        }
    }
}
