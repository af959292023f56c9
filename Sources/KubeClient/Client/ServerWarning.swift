import Base

/// A hint in a response's `Warning` header (RFC 7234, section 5.5): a deprecated version, an unknown field.
struct ServerWarning: Sendable, Hashable {
    /// The API server's are 299, "miscellaneous persistent warning"; others are of proxies and caches.
    static let codeOfAPIServer = 299

    var code: Int
    var agent: String
    var text: String

    /// The warnings of one header's value, which may hold several; reading ends where it makes no sense.
    static func parse(_ value: String) -> [ServerWarning] {
        var reader = HeaderReader(rest: Array(value.utf8)[...])
        var warnings: [ServerWarning] = []
        while true {
            reader.skip { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: ",") }
            guard let code = Int(reader.word()), (100...999).contains(code) else { return warnings }
            let agent = reader.word()
            guard !agent.isEmpty, let text = reader.quoted() else { return warnings }
            // A date may follow.
            _ = reader.quoted()
            warnings.append(ServerWarning(code: code, agent: agent, text: text))
        }
    }
}

/// Takes a header's value apart.
private struct HeaderReader {
    var rest: ArraySlice<UInt8>

    mutating func skip(_ isSkipped: (UInt8) -> Bool) { rest = rest.drop(while: isSkipped) }

    /// What stands before the next space, which is taken too.
    mutating func word() -> String {
        let word = rest.prefix { $0 != UInt8(ascii: " ") }
        rest = rest[word.endIndex...].dropFirst()
        return String(decoding: word, as: UTF8.self)
    }

    /// What stands in quotation marks behind spaces; nil, and nothing taken, where nothing does.
    mutating func quoted() -> String? {
        var place = rest.firstIndex { $0 != UInt8(ascii: " ") } ?? rest.endIndex
        guard place < rest.endIndex, rest[place] == UInt8(ascii: "\"") else { return nil }
        var text: [UInt8] = []
        place += 1
        while place < rest.endIndex {
            if rest[place] == UInt8(ascii: "\"") {
                rest = rest[(place + 1)...]
                return String(decoding: text, as: UTF8.self)
            }
            if rest[place] == UInt8(ascii: "\\"), place + 1 < rest.endIndex { place += 1 }
            text.append(rest[place])
            place += 1
        }
        return nil
    }
}

/// Tells each warning of an API server once: a controller asks the same for months.
final class WarningReport: Sendable {
    /// Beyond this many different ones all are told once more.
    private static let limit = 1000

    private let told = Lock<Set<String>>([])
    private let tell: @Sendable (_ text: String, _ request: String) -> Void

    init(_ tell: @escaping @Sendable (_ text: String, _ request: String) -> Void) { self.tell = tell }

    /// - Parameters:
    ///   - values: those of a response's `Warning` headers.
    ///   - request: for the message.
    func take(_ values: [String], request: String) {
        for warning in values.flatMap(ServerWarning.parse) where warning.code == ServerWarning.codeOfAPIServer && !warning.text.isEmpty {
            let isNew = told.withLock { told in
                if told.count >= Self.limit { told = [] }
                return told.insert(warning.text).inserted
            }
            if isNew { tell(warning.text, request) }
        }
    }
}
