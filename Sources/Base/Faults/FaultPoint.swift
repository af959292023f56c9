import Glibc

/// Named steps at which a test can kill the process, to show that whatever is left is whole.
///
/// `LEVEE_FAULT_POINT=name` kills at the first time the step is reached, `name:3` at the third; with `LEVEE_FAULT_SIGNAL=STOP` the process only stops there,
/// until somebody continues or kills it. `LEVEE_FAULT_LOG=FILE` appends the name of every step that is
/// reached, so that a test can enumerate them instead of picking. Without these variables a step costs one comparison.
public enum FaultPoint {
    private static let plan = FaultPlan.fromEnvironment()

    public static func hit(_ name: StaticString) {
        guard let plan else { return }
        plan.hit(name.description)
    }
}

private final class FaultPlan: Sendable {
    private let target: String?
    private let occurrence: Int
    private let signal: Int32
    private let logFile: String?
    private let hits = Lock(0)

    static func fromEnvironment() -> FaultPlan? {
        let point = environmentVariable("LEVEE_FAULT_POINT")
        let log = environmentVariable("LEVEE_FAULT_LOG")
        return point == nil && log == nil ? nil : FaultPlan(point: point, logFile: log)
    }

    private init(point: String?, logFile: String?) {
        let parts = point?.split(separator: ":", maxSplits: 1) ?? []
        target = parts.first.map(String.init)
        occurrence = parts.count > 1 ? Int(parts[1]) ?? 1 : 1
        signal = environmentVariable("LEVEE_FAULT_SIGNAL") == "STOP" ? SIGSTOP : SIGKILL
        self.logFile = logFile
    }

    func hit(_ name: String) {
        if let logFile, let file = try? FileDescriptor(opening: logFile, flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o644) {
            try? Bytes(name + "\n").withUnsafeBytes { bytes throws(SystemError) in try file.write(bytes) }
        }
        guard name == target else { return }
        let count = hits.withLock { hits -> Int in
            hits += 1
            return hits
        }
        // To this thread, which then goes no step further; one to the process may reach another thread first.
        if count == occurrence { raise(signal) }
    }
}

/// A variable of the environment; nil where it is not set or empty.
public func environmentVariable(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}
