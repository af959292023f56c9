import Glibc

@main
struct Levee {
    static let version = "0.1.0"

    /// All subcommands, in the order of the help. One file each; add yours here.
    static let commands: [CommandNode] = [
        .command(VersionCommand.command)
    ]

    static func main() async {
        // A reader that goes away (`| head`) is an error of `write`, not the end of the process in the middle of a commit.
        signal(SIGPIPE, SIG_IGN)
        exit(await run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    static func run(_ arguments: [String]) async -> ExitCode {
        do {
            let parser = CommandLineParser(program: "levee", summary: "Keeps Delta Lake tables in shape, on Kubernetes and from a shell.", commands: commands)
            switch try parser.parse(arguments) {
            case .help(let text):
                try Console(format: .text).print(text)
            case .run(let command, let parsed):
                try await command.run(parsed, Console(format: parsed[Option.output] ?? .text))
            }
            return .done
        } catch OutputError.readerGone {
            return .done
        } catch {
            Console.note("error: \(error)")
            return ExitCode(of: error)
        }
    }
}
