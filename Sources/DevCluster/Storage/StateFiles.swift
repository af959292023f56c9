import Base
import Glibc

/// The few calls that the state needs of the file system, with errors that name the file.
enum StateFiles {
    static func makeDirectory(_ path: String) throws(StorageError) {
        var partial = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            partial += "/\(part)"
            if mkdir(partial, 0o755) != 0, errno != EEXIST { throw .system(operation: "create", path: partial, errno: errno) }
        }
    }

    /// Nil where there is no such file.
    static func read(_ path: String) throws(StorageError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw .system(operation: "open", path: path, errno: errno)
        }
        defer { close(file) }
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .system(operation: "read", path: path, errno: errno)
            }
            if count == 0 { return content }
            content.append(contentsOf: buffer[0..<count])
        }
    }

    static func writeAll(_ file: Int32, _ bytes: [UInt8], path: String) throws(StorageError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress.map { $0 + written }, bytes.count - written) }
            if count < 0 {
                if errno == EINTR { continue }
                throw .system(operation: "write", path: path, errno: errno)
            }
            written += count
        }
    }

    /// Makes the file at `path` hold `bytes`, whole or not at all, also across a power cut.
    static func replace(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws(StorageError) {
        let temporary = path + ".tmp"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard file >= 0 else { throw .system(operation: "create", path: temporary, errno: errno) }
        do throws(StorageError) {
            defer { close(file) }
            try writeAll(file, bytes, path: temporary)
            if fsync(file) != 0 { throw StorageError.system(operation: "sync", path: temporary, errno: errno) }
        } catch {
            unlink(temporary)
            throw error
        }
        if rename(temporary, path) != 0 { throw .system(operation: "rename", path: temporary, errno: errno) }
        try syncDirectory(of: path)
    }

    static func syncDirectory(of path: String) throws(StorageError) {
        let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let handle = open(directory.isEmpty ? "/" : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw .system(operation: "open", path: directory, errno: errno) }
        defer { close(handle) }
        if fsync(handle) != 0 { throw .system(operation: "sync", path: directory, errno: errno) }
    }

    /// Names in a directory, sorted; empty where there is none.
    static func list(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a file or a directory with all that is in it; symbolic links are removed, not followed.
    static func removeTree(_ path: String) {
        var info = stat()
        guard lstat(path, &info) == 0 else { return }
        if info.st_mode & S_IFMT == S_IFDIR {
            for name in list(path) { removeTree("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}
