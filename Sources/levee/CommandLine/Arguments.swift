/// A command's arguments after parsing: typed values, looked up by the option that describes them.
struct Arguments: Sendable {
    private var values: [String: [any Sendable]] = [:]
    private var positionals: [String: String] = [:]

    /// The option's value; nil when it was not given.
    subscript<Value>(option: Option<Value>) -> Value? { values[option.name]?.last as? Value }

    /// Whether a switch is on.
    subscript(flag: Option<Bool>) -> Bool { values[flag.name]?.last as? Bool ?? false }

    /// All values of a repeatable option, in order.
    func all<Value>(_ option: Option<Value>) -> [Value] { (values[option.name] ?? []).compactMap { $0 as? Value } }

    /// A positional argument. The parser has made sure that it is there.
    subscript(positional: Positional) -> String { positionals[positional.name] ?? "" }

    mutating func set(_ positional: Positional, _ value: String) { positionals[positional.name] = value }

    /// Parses `text` as the option's value and keeps it.
    mutating func set(_ option: any AnyOption, _ text: String, command: String) throws(UsageError) {
        if !option.isRepeatable, values[option.name] != nil { throw UsageError(command: command, message: "--\(option.name) is given twice") }
        do {
            values[option.name, default: []].append(try option.parseAny(text))
        } catch {
            throw UsageError(command: command, message: "--\(option.name) \(text): \(error.reason)")
        }
    }
}
