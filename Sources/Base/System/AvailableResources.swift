import CSystem
import Glibc

/// What this process may use: the machine's, cut down by the control groups it is in and by its CPU mask.
public struct AvailableResources: Sendable, Hashable {
    /// Whole CPUs, a started one counted; at least 1.
    public let cpuCount: Int
    /// In bytes.
    public let memoryLimit: Int64

    public init(cpuCount: Int, memoryLimit: Int64) {
        self.cpuCount = max(1, cpuCount)
        self.memoryLimit = max(1, memoryLimit)
    }

    /// As it is now.
    public static func current() -> AvailableResources {
        detect(systemRoot: "", machineCPUs: allowedCPUs(), machineMemory: Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE))))
    }

    /// Looks at `/proc` and `/sys` below another root, for tests.
    static func detect(systemRoot: String, machineCPUs: Int, machineMemory: Int64) -> AvailableResources {
        var cpus = machineCPUs
        var memory = machineMemory
        for group in ControlGroup.ofThisProcess(systemRoot: systemRoot) {
            if let limit = group.cpuLimit { cpus = min(cpus, limit) }
            if let limit = group.memoryLimit { memory = min(memory, limit) }
        }
        return AvailableResources(cpuCount: cpus, memoryLimit: memory)
    }

    private static func allowedCPUs() -> Int {
        let allowed = Int(levee_allowed_cpus())
        return allowed > 0 ? allowed : max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }
}

/// One directory of limits, version 1 or 2.
private struct ControlGroup {
    let directory: String

    /// The groups of this process and all above them: any of them can be the tighter one.
    ///
    /// In a container `/proc/self/cgroup` may show the host's path while `/sys/fs/cgroup` is the container's own part, so what is not there is left out.
    static func ofThisProcess(systemRoot: String) -> [ControlGroup] {
        guard let text = try? readFile(systemRoot + "/proc/self/cgroup").text else { return [] }
        var groups: [ControlGroup] = []
        for line in text.split(separator: "\n") {
            // `0::/path` is version 2, `4:cpu,cpuacct:/path` version 1.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let controllers = parts[1].split(separator: ",")
            let mounts: [String]
            if controllers.isEmpty {
                mounts = ["", "/unified"]
            } else {
                guard controllers.contains("cpu") || controllers.contains("memory") else { continue }
                mounts = ["/\(parts[1])"] + controllers.map { "/\($0)" }
            }
            var path = parts[2] == "/" ? "" : parts[2]
            while true {
                groups += mounts.map { ControlGroup(directory: "\(systemRoot)/sys/fs/cgroup\($0)\(path)") }
                guard let slash = path.lastIndex(of: "/") else { break }
                path = path[..<slash]
            }
        }
        return groups
    }

    private func words(_ file: String) -> [Substring]? {
        (try? readFile("\(directory)/\(file)").text)?.split { $0 == " " || $0 == "\n" }
    }

    private func number(_ file: String) -> Int64? { words(file)?.first.flatMap { Int64($0) } }

    var cpuLimit: Int? {
        let quota: Int64?
        let period: Int64?
        if let both = words("cpu.max"), both.count == 2 {
            (quota, period) = (Int64(both[0]), Int64(both[1]))
        } else {
            (quota, period) = (number("cpu.cfs_quota_us"), number("cpu.cfs_period_us"))
        }
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return max(1, Int((quota - 1) / period + 1))
    }

    var memoryLimit: Int64? {
        guard let limit = number("memory.max") ?? number("memory.limit_in_bytes"), limit > 0 else { return nil }
        return limit
    }
}
