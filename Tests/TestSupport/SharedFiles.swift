import Base
import Glibc

/// Files shared between projects, which stand beside the repository (`../shared`) or where LEVEE_SHARED says.
public enum SharedFiles {
    /// The directory of that name below the shared ones; nil, said on standard output, where this machine has it not, so that a test can skip.
    public static func directory(_ name: String, file: String = #filePath) -> String? {
        let repository = file.split(separator: "/").prefix { $0 != "Tests" }.joined(separator: "/")
        let root = environmentVariable("LEVEE_SHARED") ?? "/\(repository)/../shared"
        let path = "\(root)/\(name)"
        if access(path, R_OK) == 0 { return path }
        print("skipped: \(path) is not there")
        return nil
    }

    /// The names in a directory, sorted, hidden ones left out.
    public static func names(in path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
