/// Cuts an expression's text into tokens, by the rules of Spark's SQL grammar.
struct Lexer {
    private let source: String
    private let text: [UInt8]
    private var position = 0

    init(_ source: String) {
        self.source = source
        text = Array(source.utf8)
    }

    /// All tokens, the last of kind `.end`.
    static func tokens(of source: String) throws(ExpressionError) -> [Token] {
        var lexer = Lexer(source)
        var tokens: [Token] = []
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    private func peek(_ ahead: Int = 0) -> UInt8? {
        position + ahead < text.count ? text[position + ahead] : nil
    }

    private mutating func next() throws(ExpressionError) -> Token {
        while let byte = peek(), byte == UInt8(ascii: " ") || (9...13).contains(byte) { position += 1 }
        let start = position
        guard let byte = peek() else { return Token(kind: .end, range: start..<start) }
        let kind: Token.Kind
        if Self.startsWord(byte) {
            while let byte = peek(), Self.startsWord(byte) || Self.isDigit(byte) { position += 1 }
            kind = .word(spelling(from: start))
        } else if Self.isDigit(byte) || (byte == UInt8(ascii: ".") && peek(1).map(Self.isDigit) == true) {
            kind = try number(from: start)
        } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
            kind = .string(try string(quote: byte))
        } else if byte == UInt8(ascii: "`") {
            kind = .quotedName(try quotedName())
        } else {
            kind = .symbol(try symbol())
        }
        return Token(kind: kind, range: start..<position)
    }

    private func spelling(from start: Int) -> String {
        String(decoding: text[start..<position], as: UTF8.self)
    }

    private mutating func number(from start: Int) throws(ExpressionError) -> Token.Kind {
        var isExact = true
        var hasPoint = false
        digits()
        if peek() == UInt8(ascii: "."), peek(1).map(Self.startsWord) != true {
            hasPoint = true
            position += 1
            digits()
        }
        if let byte = peek(), byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            let signed = peek(1) == UInt8(ascii: "-") || peek(1) == UInt8(ascii: "+")
            if peek(signed ? 2 : 1).map(Self.isDigit) == true {
                isExact = false
                position += signed ? 2 : 1
                digits()
            }
        }
        let spelling = spelling(from: start)
        // Spark's suffixes: L long, S short, Y byte, D double, F float, BD decimal.
        let suffixStart = position
        while let byte = peek(), Self.startsWord(byte) || Self.isDigit(byte) { position += 1 }
        switch String(decoding: text[suffixStart..<position], as: UTF8.self).uppercased() {
        case "" where !isExact: return .double(spelling)
        case "" where hasPoint: return .decimal(spelling)
        case "": return .integer(spelling)
        case "L" where isExact && !hasPoint, "S" where isExact && !hasPoint, "Y" where isExact && !hasPoint: return .integer(spelling)
        case "D", "F": return .double(spelling)
        case "BD" where isExact: return .decimal(spelling)
        default: throw .syntax(source: source, position: start, message: "`\(self.spelling(from: start))` is no number")
        }
    }

    private mutating func digits() {
        while let byte = peek(), Self.isDigit(byte) { position += 1 }
    }

    /// Spark's string literal: backslash escapes, and a doubled quote for the quote itself.
    private mutating func string(quote: UInt8) throws(ExpressionError) -> String {
        let start = position
        position += 1
        var bytes: [UInt8] = []
        while let byte = peek() {
            position += 1
            if byte == quote {
                if peek() != quote { return String(decoding: bytes, as: UTF8.self) }
                position += 1
                bytes.append(quote)
            } else if byte == UInt8(ascii: "\\"), let escaped = peek() {
                position += 1
                Self.appendEscape(escaped, to: &bytes)
            } else {
                bytes.append(byte)
            }
        }
        throw .syntax(source: source, position: start, message: "the text that begins here has no closing quote")
    }

    private static func appendEscape(_ escaped: UInt8, to bytes: inout [UInt8]) {
        switch escaped {
        case UInt8(ascii: "n"): bytes.append(10)
        case UInt8(ascii: "t"): bytes.append(9)
        case UInt8(ascii: "r"): bytes.append(13)
        case UInt8(ascii: "b"): bytes.append(8)
        case UInt8(ascii: "0"): bytes.append(0)
        // Kept with their backslash for LIKE, as Spark keeps them.
        case UInt8(ascii: "%"), UInt8(ascii: "_"): bytes += [UInt8(ascii: "\\"), escaped]
        default: bytes.append(escaped)
        }
    }

    private mutating func quotedName() throws(ExpressionError) -> String {
        let start = position
        position += 1
        var bytes: [UInt8] = []
        while let byte = peek() {
            position += 1
            if byte != UInt8(ascii: "`") {
                bytes.append(byte)
            } else if peek() == UInt8(ascii: "`") {
                position += 1
                bytes.append(byte)
            } else {
                return String(decoding: bytes, as: UTF8.self)
            }
        }
        throw .syntax(source: source, position: start, message: "the name that begins here has no closing back-tick")
    }

    private mutating func symbol() throws(ExpressionError) -> Token.Symbol {
        // `allCases` lists longer symbols before their prefixes.
        for symbol in Token.Symbol.allCases where text[position...].starts(with: symbol.rawValue.utf8) {
            position += symbol.rawValue.utf8.count
            return symbol
        }
        let character = String(decoding: text[position...], as: UTF8.self).first.map(String.init) ?? "?"
        throw .syntax(source: source, position: position, message: "`\(character)` has no meaning here")
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// Letters, the underscore, and every byte of a character beyond ASCII.
    private static func startsWord(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
