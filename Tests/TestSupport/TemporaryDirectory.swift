import Base
import Glibc

/// A directory of its own for one test, removed with everything in it when the owner goes.
public final class TemporaryDirectory: Sendable {
    /// Absolute, links resolved.
    public let path: String

    public init(_ name: String = "levee") throws {
        let parent = environmentVariable("TMPDIR") ?? "/tmp"
        var template = Array("\(parent)/\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError.last("mkdtemp") }
        let created = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } ?? ""
        guard let resolved = realpath(created, nil) else { throw SystemError.last("realpath") }
        defer { free(resolved) }
        path = String(cString: resolved)
    }

    deinit { Self.removeTree(path) }

    public func appending(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file, with the directories above it.
    public func write(_ name: String, _ content: String) throws {
        var walked = path
        for component in name.split(separator: "/").dropLast() {
            walked += "/\(component)"
            guard mkdir(walked, 0o755) == 0 || errno == EEXIST else { throw SystemError.last("mkdir") }
        }
        let file = try FileDescriptor(opening: appending(name), flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try Bytes(content).withUnsafeBytes { bytes throws(SystemError) in try file.write(bytes) }
    }

    /// The names in a directory, hidden ones too, sorted.
    public func names(in name: String = "") -> [String] {
        guard let stream = opendir(appending(name)) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func removeTree(_ path: String) {
        // Tests take permissions away; the owner may always give them back.
        chmod(path, 0o700)
        if let stream = opendir(path) {
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                guard let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) else { return }
                let name = String(cString: (UnsafeRawPointer(entry) + nameOffset).assumingMemoryBound(to: CChar.self))
                guard name != ".", name != ".." else { continue }
                if entry.pointee.d_type == DT_DIR { removeTree("\(path)/\(name)") } else { unlink("\(path)/\(name)") }
            }
        }
        rmdir(path)
    }
}
