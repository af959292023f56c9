import Base
import Glibc

@main
struct Levee {
    static let version = "0.1.0"

    /// All subcommands, in the order of the help. One file each; add yours here.
    static let commands: [CommandNode] = [
        TableCommands.group,
        ParquetCommands.group,
        .command(DevCommand.command),
        .command(OperatorCommand.command),
        .command(WorkerCommand.command),
        .command(ReadyCommand.command),
        .command(OperationsCommand.command),
        .command(ApplyCommand.command),
        .command(VersionCommand.command),
    ]

    static func main() async {
        // A reader that goes away (`| head`) is an error of `write`, not the end of the process in the middle of a commit.
        Signals.ignoreBrokenPipes()
        exit(await run(Array(CommandLine.arguments.dropFirst())).rawValue)
    }

    static func run(_ arguments: [String]) async -> ExitCode {
        do {
            let parser = CommandLineParser(program: "levee", summary: "Keeps Delta Lake tables in shape, on Kubernetes and from a shell.", commands: commands)
            switch try parser.parse(arguments) {
            case .help(let text):
                try Console(format: .text).print(text)
            case .run(let command, let parsed):
                let console = Console(format: parsed[Option.output] ?? .text)
                let work = Task { try await command.run(parsed, console) }
                let watch = command.handlesSignals ? nil : try cancelOnSignal(work)
                defer { watch?.cancel() }
                try await work.value
            }
            return .done
        } catch OutputError.readerGone {
            return .done
        } catch is CancellationError {
            Console.note("error: cancelled; nothing was committed")
            return .retryable
        } catch {
            Console.note("error: \(error)")
            return ExitCode(of: error)
        }
    }
    /// A first signal ends the command cleanly; a second one, the process.
    private static func cancelOnSignal(_ work: Task<Void, any Error>) throws -> Task<Void, Never> {
        let signals = try Signals.watch()
        return Task {
            var received = 0
            for await number in signals {
                received += 1
                if received > 1 { exit(128 + number) }
                work.cancel()
            }
        }
    }
}
