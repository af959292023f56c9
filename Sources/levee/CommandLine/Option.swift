/// An option of a command, without its value's type: what the parser and the help text need.
protocol AnyOption: Sendable {
    /// Without the leading dashes.
    var name: String { get }
    var short: Character? { get }
    /// What stands for the value in the help; nil for a flag, which takes none.
    var placeholder: String? { get }
    var help: String { get }
    var isRepeatable: Bool { get }
    func parseAny(_ text: String) throws(InvalidValue) -> any Sendable
}

/// An option with the type of its value; the key to read it back from ``Arguments``.
struct Option<Value: Sendable>: AnyOption {
    let name: String
    var short: Character?
    let placeholder: String?
    let help: String
    var isRepeatable = false
    let parse: @Sendable (String) throws(InvalidValue) -> Value

    func parseAny(_ text: String) throws(InvalidValue) -> any Sendable { try parse(text) }
}

extension Option where Value == Bool {
    static func flag(_ name: String, _ help: String) -> Option {
        Option(name: name, placeholder: nil, help: help) { (text: String) throws(InvalidValue) -> Bool in
            switch text {
            case "", "true": true
            case "false": false
            default: throw InvalidValue("it is a switch; leave the value away, or say true or false")
            }
        }
    }
}

extension Option where Value == String {
    static func text(_ name: String, _ placeholder: String, repeatable: Bool = false, _ help: String) -> Option {
        Option(name: name, placeholder: placeholder, help: help, isRepeatable: repeatable) { (text: String) throws(InvalidValue) -> String in text }
    }
}

extension Option where Value == [String] {
    /// Names separated by commas, blanks around them dropped.
    static func names(_ name: String, _ placeholder: String, _ help: String) -> Option {
        Option(name: name, placeholder: placeholder, help: help) { (text: String) throws(InvalidValue) -> [String] in
            let names = text.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
            if names.contains("") { throw InvalidValue("it has an empty name") }
            return names
        }
    }
}

extension Option where Value == Int64 {
    static func integer(_ name: String, _ placeholder: String, atLeast minimum: Int64, _ help: String) -> Option {
        Option(name: name, placeholder: placeholder, help: help) { (text: String) throws(InvalidValue) -> Int64 in
            guard let value = Int64(text) else { throw InvalidValue("it is not a whole number") }
            if value < minimum { throw InvalidValue("it must be at least \(minimum)") }
            return value
        }
    }
}

extension Option where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    static func choice(_ name: String, short: Character? = nil, _ help: String) -> Option {
        let names = Value.allCases.map(\.rawValue)
        return Option(name: name, short: short, placeholder: names.joined(separator: "|"), help: help) { (text: String) throws(InvalidValue) -> Value in
            guard let value = Value(rawValue: text) else { throw InvalidValue("it must be one of \(names.joined(separator: ", "))") }
            return value
        }
    }
}

private func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
}

/// An argument that goes by its place.
struct Positional: Sendable {
    /// As the help shows it: `URI`.
    let name: String
    let help: String
}
