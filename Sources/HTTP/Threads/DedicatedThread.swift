import CLinux
import Glibc

/// A thread of our own for an event loop, so that its blocking poll never occupies one of Swift's cooperative threads.
enum DedicatedThread {
    /// Starts `body` on a new detached thread called `name` (15 bytes are shown by the system). Returns the error number, 0 on success.
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> CInt {
        var thread = pthread_t()
        let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
        let status = pthread_create(&thread, nil, runThreadStart, start.toOpaque())
        guard status == 0 else {
            start.release()
            return status
        }
        pthread_detach(thread)
        return 0
    }
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

// A function at file scope: closure literals as C callbacks have trapped off the main thread.
private func runThreadStart(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    levee_name_thread(start.name)
    start.body()
    return nil
}

/// The system's text for an error number.
func describeErrno(_ code: CInt) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    return buffer.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress, strerror_r(code, base, buffer.count) == 0 else { return "error \(code)" }
        return String(cString: base)
    }
}
