import Base
import CProcess
import Glibc

/// Runs a credential program to its end. Blocks: on a thread that may.
struct PluginProcess: Sendable {
    let plugin: ExecPlugin
    let environment: [String: String]
    var timeout: Duration = .seconds(60)

    private static let longestOutput = 1 << 20

    /// What it wrote.
    func run() throws(KubeError) -> Bytes {
        var variables = environment
        for variable in plugin.environment { variables[variable.name] = variable.value }
        variables["KUBERNETES_EXEC_INFO"] = JSON.encode(plugin.request)
        var output: Int32 = -1
        var process: Int32 = 0
        let code = Self.withCStrings([plugin.command] + plugin.arguments) { arguments in
            Self.withCStrings(variables.map { "\($0.key)=\($0.value)" }) { levee_spawn_reading(arguments, $0, &output, &process) }
        }
        guard code == 0 else {
            throw plugin.failure(code == ENOENT ? "is not to be found" : "cannot be started: \(String(cString: strerror(code)))")
        }
        let end = ContinuousClock.now + timeout
        let text: Bytes
        let status: Int32
        do throws(KubeError) {
            defer { close(output) }
            text = try read(output, until: end)
            status = try wait(for: process, until: end)
        } catch {
            // The group is its own: what it started goes with it.
            kill(-process, SIGKILL)
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            throw error
        }
        guard status == 0 else {
            throw plugin.failure(status & 0x7F == 0 ? "ended with code \((status >> 8) & 0xFF)" : "was ended by signal \(status & 0x7F)")
        }
        return text
    }

    private func read(_ output: Int32, until end: ContinuousClock.Instant) throws(KubeError) -> Bytes {
        var text = BytesBuilder()
        while true {
            let left = try timeLeft(until: end)
            var ready = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            // Looks up now and then, for cancellation.
            guard poll(&ready, 1, Int32(min(250, max(1, left / .milliseconds(1))))) > 0 else { continue }
            var count = 0
            text.append(upTo: 16 << 10) { buffer in
                count = Glibc.read(output, buffer.baseAddress, buffer.count)
                return max(0, count)
            }
            if count == 0 { return text.take() }
            if count < 0, errno != EINTR { throw plugin.failure("could not be read from: \(String(cString: strerror(errno)))") }
            guard text.count <= Self.longestOutput else { throw plugin.failure("wrote more than \(Self.longestOutput) bytes") }
        }
    }

    /// It may have closed its output and go on.
    private func wait(for process: Int32, until end: ContinuousClock.Instant) throws(KubeError) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, WNOHANG) != process {
            _ = try timeLeft(until: end)
            usleep(5000)
        }
        return status
    }

    private func timeLeft(until end: ContinuousClock.Instant) throws(KubeError) -> Duration {
        if Task.isCancelled { throw .cancelled }
        let left = end - ContinuousClock.now
        guard left > .zero else { throw plugin.failure("did not end within \(timeout.formatted)") }
        return left
    }

    private static func withCStrings<Result>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
