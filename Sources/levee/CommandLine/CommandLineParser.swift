/// What a command line asks for.
enum Invocation {
    case run(Command, Arguments)
    /// Help text to print; asked for, so it is no error.
    case help(String)
}

/// Finds the command in the tree and reads its options. Pure: it prints and runs nothing.
struct CommandLineParser {
    let program: String
    let summary: String
    let commands: [CommandNode]

    /// `arguments` without the program's own name.
    func parse(_ arguments: [String]) throws(UsageError) -> Invocation {
        var path = program
        var nodes = commands
        var summary = summary
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if word == "--help" || word == "-h" || word == "help" { return .help(HelpText.group(path: path, summary: summary, nodes)) }
            if word == "--version", path == program, let version = nodes.first(where: { $0.name == "version" }), case .command(let command) = version {
                return .run(command, Arguments())
            }
            guard !word.hasPrefix("-") else { throw UsageError(command: path, message: "\(word) stands before the command; put options behind it") }
            guard let node = nodes.first(where: { $0.name == word }) else {
                throw UsageError(command: path, message: "unknown command \(word)" + Suggestion.phrase(for: word, among: nodes.map(\.name)))
            }
            path += " " + word
            switch node {
            case .command(let command):
                return try parse(command, path: path, rest)
            case .group(_, let groupSummary, let children):
                nodes = children
                summary = groupSummary
            }
        }
        throw UsageError(command: path, message: "which command? One of \(nodes.map(\.name).joined(separator: ", "))")
    }

    private func parse(_ command: Command, path: String, _ words: ArraySlice<String>) throws(UsageError) -> Invocation {
        var arguments = Arguments()
        var positionals = command.positionals[...]
        var rest = words
        var optionsEnded = false
        while let word = rest.popFirst() {
            if optionsEnded || !word.hasPrefix("-") || word == "-" {
                guard let positional = positionals.popFirst() else { throw UsageError(command: path, message: "unexpected argument \(word)") }
                arguments.set(positional, word)
            } else if word == "--" {
                optionsEnded = true
            } else if word == "--help" || word == "-h" {
                return .help(HelpText.command(path: path, command))
            } else {
                let (option, inlineValue) = try option(named: word, of: command, path: path)
                var value = inlineValue
                if value == nil { value = try nextValue(of: option, &rest, path: path) }
                try arguments.set(option, value ?? "", command: path)
            }
        }
        if let missing = positionals.first { throw UsageError(command: path, message: "\(missing.name) is missing: \(missing.help)") }
        return .run(command, arguments)
    }

    /// The option that `word` names, and the value behind its `=`.
    private func option(named word: String, of command: Command, path: String) throws(UsageError) -> (any AnyOption, String?) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let options = command.allOptions
        let found =
            if word.hasPrefix("--") {
                options.first { "--" + $0.name == parts[0] }
            } else {
                options.first { option in option.short.map { "-\($0)" == parts[0] } ?? false }
            }
        guard let found else {
            throw UsageError(command: path, message: "unknown option \(parts[0])" + Suggestion.phrase(for: parts[0], among: options.map { "--" + $0.name }))
        }
        return (found, parts.count == 2 ? parts[1] : nil)
    }

    private func nextValue(of option: any AnyOption, _ rest: inout ArraySlice<String>, path: String) throws(UsageError) -> String {
        guard let placeholder = option.placeholder else { return "" }
        // A word with two dashes is the next option: taking it as a value would hide a forgotten one.
        guard let value = rest.first, !value.hasPrefix("--") else { throw UsageError(command: path, message: "--\(option.name) needs a value: \(placeholder)") }
        rest.removeFirst()
        return value
    }
}
