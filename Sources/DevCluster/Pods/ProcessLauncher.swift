import CProcess
import Glibc

/// Starts containers as processes of this machine, in a way that survives this program: each runs below a small shell that writes down how it ended,
/// so that a control plane that was killed and started again finds the exit code of what ran on without it.
enum ProcessLauncher {
    struct Launch: Sendable {
        let program: String
        let arguments: [String]
        let environment: [(name: String, value: String)]
        let workingDirectory: String
        /// The files of this run: `PREFIX.log`, `PREFIX.pid`, `PREFIX.exit`.
        let prefix: String
    }

    /// `$0` is the prefix, the arguments are the command. `wait` returns early when a trapped signal comes, hence the loop.
    private static let supervisor = """
        trap : TERM INT HUP
        echo $$ > "$0.pid.tmp" && mv "$0.pid.tmp" "$0.pid"
        "$@" &
        child=$!
        while :; do wait "$child"; code=$?; kill -0 "$child" 2>/dev/null || break; done
        echo "$code" > "$0.exit.tmp" && mv "$0.exit.tmp" "$0.exit"
        """

    /// Returns the process id of the supervising shell, which leads a session and process group of its own.
    static func start(_ launch: Launch) throws(ProcessError) -> pid_t {
        let words = ["/bin/sh", "-c", supervisor, launch.prefix, launch.program] + launch.arguments
        let variables = launch.environment.map { "\($0.name)=\($0.value)" }
        var process: Int32 = 0
        // Sockets and locks of this program are none of the container's business, and would outlive it there: the shim closes them.
        let code = withCStrings(words) { words in
            withCStrings(variables) { variables in levee_spawn(words, variables, launch.workingDirectory, "\(launch.prefix).log", &process) }
        }
        guard code == 0 else { throw .cannotStart(program: launch.program, errno: code) }
        return process
    }

    private static func withCStrings<Result>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}

enum ProcessError: Error, CustomStringConvertible {
    case cannotStart(program: String, errno: Int32)

    var description: String {
        switch self {
        case let .cannotStart(program, code): "cannot start \(program): \(String(cString: strerror(code)))"
        }
    }
}
