import Base
import Glibc

/// How results are printed.
enum OutputFormat: String, Sendable, CaseIterable {
    case text
    case json
}

/// Where a command prints: results on standard output, everything else on standard error.
struct Console: Sendable {
    let format: OutputFormat

    /// The terminal's width in cells; nil where standard output is none, and nothing is cut then.
    var width: Int? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Prints a result. Ends the program quietly when the reader has gone (`| head`).
    func print(_ text: String) throws(OutputError) {
        try StandardOutput.write(Bytes(text))
    }

    /// Prints a table cut to the terminal.
    func print(_ table: TextTable) throws(OutputError) {
        try print(table.render(width: width))
    }

    /// A note for a person; kept apart from the result.
    static func note(_ text: String) {
        var line = text + "\n"
        line.withUTF8 { bytes in
            _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count)
        }
    }
}

/// Standard output could not take the result.
enum OutputError: Error, CustomStringConvertible {
    /// The reader closed the pipe: it has what it wanted.
    case readerGone
    case failed(message: String)

    var description: String {
        switch self {
        case .readerGone: "standard output was closed"
        case .failed(let message): "cannot write to standard output: \(message)"
        }
    }
}

/// Standard output as a file descriptor: unbuffered here, since callers hand over whole results or large pieces.
enum StandardOutput {
    static func write(_ bytes: Bytes) throws(OutputError) {
        try bytes.withUnsafeBytes { (buffer: UnsafeRawBufferPointer) throws(OutputError) in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = Glibc.write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0 {
                    if errno == EINTR { continue }
                    if errno == EPIPE { throw .readerGone }
                    throw .failed(message: String(cString: strerror(errno)))
                }
                rest = rest.dropFirst(written)
            }
        }
    }
}
