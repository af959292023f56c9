/// Renders what `--help` prints.
enum HelpText {
    static func group(path: String, summary: String, _ nodes: [CommandNode]) -> String {
        let width = nodes.map(\.name.count).max() ?? 0
        let lines = nodes.map { "  \($0.name.padded(to: width))  \($0.summary)" }
        return """
            \(summary)

            Usage: \(path) COMMAND …

            Commands:
            \(lines.joined(separator: "\n"))

            `\(path) COMMAND --help` describes a command.

            """
    }

    static func command(path: String, _ command: Command) -> String {
        var text = command.summary + "\n\nUsage: " + ([path] + command.positionals.map(\.name) + ["[OPTIONS]"]).joined(separator: " ") + "\n"
        if !command.discussion.isEmpty { text += "\n" + command.discussion + "\n" }
        if !command.positionals.isEmpty { text += section("Arguments", command.positionals.map { ($0.name, $0.help) }) }
        let options = command.allOptions.map { option in
            let short = option.short.map { "-\($0), " } ?? ""
            let value = option.placeholder.map { " " + $0 } ?? ""
            return (short + "--" + option.name + value, option.help + (option.isRepeatable ? "; may be repeated" : ""))
        }
        text += section("Options", options + [("-h, --help", "this text")])
        if !command.examples.isEmpty { text += "\nExamples:\n" + command.examples.map { "  " + $0 + "\n" }.joined() }
        return text
    }

    private static func section(_ title: String, _ rows: [(String, String)]) -> String {
        let width = min(34, rows.map(\.0.count).max() ?? 0)
        let lines = rows.map { name, help in
            // A long name gets a line of its own, so that it does not push all descriptions to the right.
            name.count > width ? "  \(name)\n  \("".padded(to: width))  \(help)\n" : "  \(name.padded(to: width))  \(help)\n"
        }
        return "\n\(title):\n" + lines.joined()
    }
}
