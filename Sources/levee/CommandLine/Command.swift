/// One subcommand: what it takes and what it does. Each lives in a file of its own and is listed in `Levee.commands`.
struct Command: Sendable {
    let name: String
    /// One line, without a full stop, for the list of commands.
    let summary: String
    /// What a person needs to know beyond the options.
    var discussion = ""
    var positionals: [Positional] = []
    var options: [any AnyOption] = []
    var examples: [String] = []
    /// Whether it looks after SIGINT and SIGTERM itself; all others are cancelled by them, and clean up.
    var handlesSignals = false
    let run: @Sendable (Arguments, Console) async throws -> Void
}

/// The tree of commands below a program.
enum CommandNode: Sendable {
    case command(Command)
    case group(name: String, summary: String, [CommandNode])

    var name: String {
        switch self {
        case .command(let command): command.name
        case .group(let name, _, _): name
        }
    }

    var summary: String {
        switch self {
        case .command(let command): command.summary
        case .group(_, let summary, _): summary
        }
    }
}

extension Option where Value == OutputFormat {
    /// Every command takes it.
    static let output = Option.choice("output", short: "o", "how to print the result (default text)")
}

extension Command {
    /// The command's own options and those that all take.
    var allOptions: [any AnyOption] { options + [Option.output] }
}
