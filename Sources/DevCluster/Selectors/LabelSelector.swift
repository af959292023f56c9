import Base

/// A `labelSelector` query parameter: `app=web,tier in (a, b),!canary`.
struct LabelSelector: Sendable {
    enum Operation: Sendable, Equatable {
        case oneOf([String])
        case noneOf([String])
        case exists
        case absent
    }

    private(set) var requirements: [(key: String, operation: Operation)] = []

    var isEmpty: Bool { requirements.isEmpty }

    func matches(_ labels: [String: String]) -> Bool {
        requirements.allSatisfy { key, operation in
            switch operation {
            case let .oneOf(values): labels[key].map(values.contains) ?? false
            case let .noneOf(values): !(labels[key].map(values.contains) ?? false)
            case .exists: labels[key] != nil
            case .absent: labels[key] == nil
            }
        }
    }

    init(_ text: String) throws(APIError) {
        var scanner = Scanner(rest: Substring(text), whole: text)
        scanner.skipSpace()
        while !scanner.isAtEnd {
            requirements.append(try scanner.requirement())
            scanner.skipSpace()
            if scanner.isAtEnd { return }
            guard scanner.take(",") else { throw scanner.unexpected() }
            scanner.skipSpace()
        }
    }

    private struct Scanner {
        var rest: Substring
        let whole: String

        var isAtEnd: Bool { rest.isEmpty }

        mutating func skipSpace() { rest = rest.drop { $0 == " " || $0 == "\t" } }

        mutating func take(_ text: String) -> Bool {
            guard rest.hasPrefix(text) else { return false }
            rest = rest.dropFirst(text.count)
            return true
        }

        func unexpected() -> APIError {
            .badRequest("unable to parse requirement: found '\(rest.prefix(20))', expected: ',' or 'end of string' in \"\(whole)\"")
        }

        mutating func word() -> String {
            let word = rest.prefix { !" \t,=!()".contains($0) }
            rest = rest.dropFirst(word.count)
            return String(word)
        }

        mutating func key() throws(APIError) -> String {
            let key = word()
            guard ObjectNames.isQualifiedName(key) else {
                throw .badRequest("unable to parse requirement: <nil>: Invalid value: \"\(key)\": \(ObjectNames.qualifiedNameMessage)")
            }
            return key
        }

        mutating func requirement() throws(APIError) -> (key: String, operation: Operation) {
            if take("!") {
                skipSpace()
                return (try key(), .absent)
            }
            let key = try key()
            skipSpace()
            if isAtEnd || rest.hasPrefix(",") { return (key, .exists) }
            if take("!=") { return (key, .noneOf([try value()])) }
            if take("==") || take("=") { return (key, .oneOf([try value()])) }
            switch word() {
            case "in": return (key, .oneOf(try list()))
            case "notin": return (key, .noneOf(try list()))
            default: throw unexpected()
            }
        }

        mutating func value() throws(APIError) -> String {
            skipSpace()
            let value = word()
            guard ObjectNames.isLabelValue(value) else {
                throw .badRequest("unable to parse requirement: values[0]: Invalid value: \"\(value)\": \(ObjectNames.labelValueMessage)")
            }
            return value
        }

        mutating func list() throws(APIError) -> [String] {
            skipSpace()
            guard take("(") else { throw unexpected() }
            var values: [String] = []
            repeat { values.append(try value()); skipSpace() } while take(",")
            guard take(")") else { throw unexpected() }
            return values
        }
    }
}
