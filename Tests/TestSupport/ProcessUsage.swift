import Glibc

/// What this process has taken of the machine.
public enum ProcessUsage {
    /// Seconds of computing, on all threads. Unlike the time of day they do not pass while a busy machine lets others run.
    public static var processorSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }

    /// Bytes of memory: the most at one time since ``resetPeakMemory()``.
    public static var peakMemory: Int {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, CInt(line.count), file) != nil {
            let text = line.withUnsafeBufferPointer { String(decoding: $0.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
            if text.hasPrefix("VmHWM:") { return (Int(text.split(whereSeparator: { !$0.isNumber }).first ?? "") ?? 0) << 10 }
        }
        return 0
    }

    /// Forgets peaks before now (proc(5), `clear_refs`). False where the system does not let it.
    @discardableResult
    public static func resetPeakMemory() -> Bool {
        guard let file = fopen("/proc/self/clear_refs", "w") else { return false }
        let isWritten = fputs("5", file) >= 0
        return fclose(file) == 0 && isWritten
    }
}
