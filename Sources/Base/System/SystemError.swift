import Glibc

/// A system call that failed.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    public let code: Int32
    /// What was called: `open`, `fsync`.
    public let call: String

    public init(code: Int32, call: String) {
        self.code = code
        self.call = call
    }

    /// What `errno` says right after the call.
    public static func last(_ call: String) -> SystemError { SystemError(code: errno, call: call) }

    /// The system's text for the code: `No such file or directory`.
    public var message: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let base = buffer.baseAddress else { return "error \(code)" }
            return strerror_r(code, base, buffer.count) == 0 ? String(cString: base) : "error \(code)"
        }
    }

    public var description: String { "\(call): \(message)" }
}

/// Repeats a call that a signal interrupted.
public func retryingInterrupts<Result: SignedInteger>(_ body: () -> Result) -> Result {
    while true {
        let result = body()
        if result != -1 || errno != EINTR { return result }
    }
}

/// A file descriptor that is closed when its owner goes.
public struct FileDescriptor: ~Copyable, Sendable {
    public let number: Int32

    /// Takes over an open descriptor.
    public init(owning number: Int32) { self.number = number }

    /// Opens a file, never inherited by child processes.
    public init(opening path: String, flags: Int32, mode: mode_t = 0) throws(SystemError) {
        let number = retryingInterrupts { Glibc.open(path, flags | O_CLOEXEC, mode) }
        guard number >= 0 else { throw .last("open") }
        self.number = number
    }

    /// Opens a file by its path from an open directory.
    public init(opening path: String, at directory: Int32, flags: Int32, mode: mode_t = 0) throws(SystemError) {
        let number = retryingInterrupts { Glibc.openat(directory, path, flags | O_CLOEXEC, mode) }
        guard number >= 0 else { throw .last("open") }
        self.number = number
    }

    deinit { close(number) }

    public func status() throws(SystemError) -> stat {
        var status = stat()
        guard fstat(number, &status) == 0 else { throw .last("fstat") }
        return status
    }

    public func synchronise() throws(SystemError) {
        guard retryingInterrupts({ fsync(number) }) == 0 else { throw .last("fsync") }
    }

    /// Writes all of the bytes at the current place.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var rest = bytes
        while let base = rest.baseAddress, rest.count > 0 {
            let written = retryingInterrupts { Glibc.write(number, base, min(rest.count, 1 << 30)) }
            guard written >= 0 else { throw .last("write") }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Fills `target` with the bytes from `offset` on; returns how many there were before the end of the file.
    public func read(into target: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        var filled = 0
        while let base = target.baseAddress, filled < target.count {
            let count = retryingInterrupts { pread(number, base + filled, min(target.count - filled, 1 << 30), off_t(offset) + off_t(filled)) }
            guard count >= 0 else { throw .last("read") }
            if count == 0 { break }
            filled += count
        }
        return filled
    }
}

/// The whole of a small file (`/proc`, `/sys`, a token), read until its end whatever size it claims; throws `EFBIG` beyond `limit` bytes.
public func readFile(_ path: String, limit: Int = 16 << 20) throws(SystemError) -> Bytes {
    let file = try FileDescriptor(opening: path, flags: O_RDONLY)
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = retryingInterrupts { read(file.number, &chunk, chunk.count) }
        guard count >= 0 else { throw .last("read") }
        if count == 0 { return Bytes(content) }
        guard content.count + count <= limit else { throw SystemError(code: EFBIG, call: "read") }
        content += chunk[..<count]
    }
}
