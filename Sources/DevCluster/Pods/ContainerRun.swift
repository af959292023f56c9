import Base
import Glibc

/// One run of a container, as its files tell it: they are all that is known of it after a restart of the control plane.
struct ContainerRun: Sendable {
    enum State: Sendable, Equatable {
        /// Its shell has not reported yet.
        case starting
        case running
        case ended(code: Int32)
        /// The process is gone and nobody saw how.
        case lost
    }

    let prefix: String
    let number: Int64
    /// When it was started, by this program's clock.
    let startedAt: Timestamp

    private var exitPath: String { "\(prefix).exit" }
    private var processPath: String { "\(prefix).pid" }

    /// The shell's process id, from its own file.
    var process: pid_t? { Self.number(in: processPath) }

    /// How long a shell may take to write its process id.
    private static let startAllowance = Duration.seconds(10)

    func state(now: Timestamp) -> State {
        if let code = Self.number(in: exitPath) { return .ended(code: code) }
        guard let process else { return now - startedAt > Self.startAllowance ? .lost : .starting }
        var status: Int32 = 0
        let reaped = waitpid(process, &status, WNOHANG)
        if reaped == 0 { return .running }
        if reaped == process {
            // Its last act may have been to write the file.
            if let code = Self.number(in: exitPath) { return .ended(code: code) }
            return .ended(code: Self.exitCode(status))
        }
        // Not a child: an earlier control plane started it. The prefix in its command line tells it from a process that took over its number.
        if Self.isAlive(process, prefix) { return .running }
        return Self.number(in: exitPath).map { .ended(code: $0) } ?? .lost
    }

    /// Keeps what ``state(now:)`` found for the next control plane: the shell could not write it itself when it was killed.
    func record(code: Int32) {
        // The file's time is when the container ended.
        if !StateFiles.exists(exitPath) { try? StateFiles.replace(exitPath, Array("\(code)\n".utf8)) }
    }

    /// When the exit was recorded.
    var endedAt: Timestamp? {
        var info = stat()
        guard stat(exitPath, &info) == 0 else { return nil }
        return Timestamp(microseconds: Int64(info.st_mtim.tv_sec) * 1_000_000 + Int64(info.st_mtim.tv_nsec) / 1000)
    }

    /// To the whole process group: the shell, the container, and what it started.
    func signal(_ signal: Int32) {
        guard let process, Self.isAlive(process, prefix) else { return }
        kill(-process, signal)
    }

    private static func number(in path: String) -> Int32? {
        guard let content = try? StateFiles.read(path) else { return nil }
        return Int32(String(decoding: content.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }

    /// As shells report it: 128 and the signal's number for a process that a signal ended.
    private static func exitCode(_ status: Int32) -> Int32 { status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + (status & 0x7F) }

    private static func isAlive(_ process: pid_t, _ prefix: String) -> Bool {
        guard let content = try? StateFiles.read("/proc/\(process)/cmdline") else { return false }
        return content.split(separator: 0).contains { $0.elementsEqual(prefix.utf8) }
    }
}
