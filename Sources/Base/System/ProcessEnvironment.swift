import Glibc

/// The variables that the process was started with.
public enum ProcessEnvironment {
    /// All variables by name. Later changes by `setenv` are not seen: the list is the kernel's, which no other thread can change under the reader.
    public static let current: [String: String] = {
        let descriptor = open("/proc/self/environ", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [:] }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            content += buffer[..<count]
        }
        var variables: [String: String] = [:]
        for entry in content.split(separator: 0) {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            variables[String(decoding: entry[..<equals], as: UTF8.self)] = String(decoding: entry[entry.index(after: equals)...], as: UTF8.self)
        }
        return variables
    }()
}
