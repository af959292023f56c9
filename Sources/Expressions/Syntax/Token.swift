/// A piece of an expression's text, with the bytes it spans.
struct Token {
    enum Kind: Equatable {
        /// An unquoted word: a keyword, a function or a column, by context.
        case word(String)
        /// A name in back-ticks.
        case quotedName(String)
        case integer(String)
        /// Digits with a point, no exponent: an exact decimal in Spark.
        case decimal(String)
        /// Digits with an exponent or the suffix D.
        case double(String)
        case string(String)
        case symbol(Symbol)
        case end
    }

    enum Symbol: String, CaseIterable {
        case nullSafeEqual = "<=>"
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case lessGreater = "<>"
        case notEqual = "!="
        case doubleEqual = "=="
        case equal = "="
        case less = "<"
        case greater = ">"
        case plus = "+"
        case minus = "-"
        case times = "*"
        case divided = "/"
        case modulo = "%"
        case exclamation = "!"
        case open = "("
        case close = ")"
        case comma = ","
        case dot = "."
    }

    let kind: Kind
    let range: Range<Int>

    /// The token as an error message names it.
    var spelling: String {
        switch kind {
        case let .word(text), let .integer(text), let .decimal(text), let .double(text): "`\(text)`"
        case let .quotedName(name): "the column `\(name)`"
        case let .string(text): "the text '\(text)'"
        case let .symbol(symbol): "`\(symbol.rawValue)`"
        case .end: "the end"
        }
    }
}
