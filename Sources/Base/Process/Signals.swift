import CSystem
import Glibc

/// Signals as events that tasks can wait for.
public enum Signals {
    /// From now on these signals do not end the process but come out of the stream, in the order they arrive; one that comes again before it was read may count once.
    ///
    /// Throws where the process has no descriptors left. Call it once: the last caller gets the signals.
    public static func watch(_ signals: [Int32] = [SIGTERM, SIGINT]) throws(SystemError) -> AsyncStream<Int32> {
        let pipe = signals.withUnsafeBufferPointer { levee_watch_signals($0.baseAddress, Int32($0.count)) }
        guard pipe >= 0 else { throw .last("sigaction") }
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        let reader = SignalReader(pipe: FileDescriptor(owning: pipe), continuation: continuation)
        var thread = pthread_t()
        let status = pthread_create(&thread, nil, readSignals, Unmanaged.passRetained(reader).toOpaque())
        guard status == 0 else { throw SystemError(code: status, call: "pthread_create") }
        pthread_detach(thread)
        return stream
    }

    /// Lets a write to a closed pipe or socket fail instead of ending the process.
    public static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}

/// Waits for the handler's bytes on a thread of its own, for as long as the process lives.
private final class SignalReader: Sendable {
    let pipe: FileDescriptor
    let continuation: AsyncStream<Int32>.Continuation

    init(pipe: consuming FileDescriptor, continuation: AsyncStream<Int32>.Continuation) {
        self.pipe = pipe
        self.continuation = continuation
    }

    func run() {
        levee_name_this_thread("signals")
        var byte: UInt8 = 0
        while retryingInterrupts({ read(pipe.number, &byte, 1) }) == 1 { continuation.yield(Int32(byte)) }
        continuation.finish()
    }
}

private func readSignals(_ reader: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let reader { Unmanaged<SignalReader>.fromOpaque(reader).takeRetainedValue().run() }
    return nil
}
