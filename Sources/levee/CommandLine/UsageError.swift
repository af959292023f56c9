/// What is wrong with a command line, with the command whose help explains it.
struct UsageError: Error, Equatable, CustomStringConvertible {
    let command: String
    let message: String

    var description: String {
        "\(command): \(message)\nRun `\(command) --help` for what it takes."
    }
}

/// Why a value does not fit its option; the parser adds which option it was.
struct InvalidValue: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
