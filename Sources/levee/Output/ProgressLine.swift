import Base
import DeltaEngine
import Glibc

/// One line on a terminal that shows how far an operation is; nothing where standard error is no terminal.
final class ProgressLine: Sendable {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let lastShown = Lock<Timestamp?>(nil)
    private let clock: any WallClock

    init(clock: any WallClock = SystemClock()) { self.clock = clock }

    var reporter: ProgressReporter {
        { [self] progress in show(progress) }
    }

    /// At most ten times a second: a terminal is slow.
    private func show(_ progress: OperationProgress) {
        guard isTerminal else { return }
        let now = clock.now()
        let isDue = lastShown.withLock { last in
            if let last, now - last < .milliseconds(100) { return false }
            last = now
            return true
        }
        guard isDue else { return }
        var text = "\r\u{1B}[K\(progress.phase.rawValue)"
        if progress.filesTotal > 0 {
            text += "  \(progress.filesDone) of \(progress.filesTotal) files"
        } else if progress.filesDone > 0 {
            text += "  \(progress.filesDone) files"
        }
        if progress.bytesTotal > 0 { text += "  \(progress.bytesDone.formattedBytes) of \(progress.bytesTotal.formattedBytes)" }
        write(text)
    }

    /// Clears the line before the result is printed.
    func end() {
        if isTerminal, lastShown.withLock({ $0 }) != nil { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }
}
