import Base
import CSystem
import Glibc

/// A directory and what may be reached below it. Every descriptor that leaves this type has been checked to point inside, after it was opened,
/// so that nobody can swap a link in between.
final class DirectoryTree: Sendable {
    /// As it was given, without a trailing slash; `/` is the empty string.
    let root: String
    /// False only for tests of what other file systems get.
    let usesNamelessFiles: Bool
    /// `linkat` within a directory. Another one only in tests, of a server whose answers get lost.
    let link: @Sendable (_ directory: Int32, _ from: String, _ to: String) -> Int32
    /// The root with all links resolved, once it exists.
    private let resolvedRoot = Lock<String?>(nil)

    init(
        root: String, usesNamelessFiles: Bool = true,
        link: @escaping @Sendable (Int32, String, String) -> Int32 = { linkat($0, $1, $0, $2, 0) }
    ) {
        self.usesNamelessFiles = usesNamelessFiles
        self.link = link
        var root = root[...]
        while root.hasSuffix("/") { root = root.dropLast() }
        self.root = String(root)
    }

    /// The path a person can look at, for messages.
    func shown(_ path: String) -> String { "\(root)/\(path)" }

    // MARK: Opening

    /// Opens an object's file. Never blocks on a FIFO.
    func openFile(_ path: ObjectPath, flags: Int32, operation: String) throws(ObjectStoreError) -> FileDescriptor {
        do throws(SystemError) {
            let file = try FileDescriptor(opening: shown(path.string), flags: flags | O_NONBLOCK)
            try verifyInside(file.number)
            return file
        } catch {
            throw ObjectStoreError(error, path: shown(path.string), operation: operation)
        }
    }

    /// A directory is no object, nor is a device or a socket.
    func regularFileStatus(_ file: borrowing FileDescriptor, _ path: ObjectPath) throws(ObjectStoreError) -> stat {
        do throws(SystemError) {
            let status = try file.status()
            guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(code: ENOENT, call: "open") }
            return status
        } catch {
            throw ObjectStoreError(error, path: shown(path.string), operation: "looking at it")
        }
    }

    /// Opens a directory below the root (`""` is the root itself) to work relative to it.
    func openDirectory(_ path: String) throws(SystemError) -> FileDescriptor {
        let directory = try FileDescriptor(opening: path.isEmpty ? root + "/" : shown(path), flags: O_RDONLY | O_DIRECTORY)
        try verifyInside(directory.number)
        return directory
    }

    /// Opens a directory, creating what is missing of it. New directories are as durable as the files that go into them.
    func makeDirectory(_ path: String) throws(SystemError) -> FileDescriptor {
        do throws(SystemError) {
            return try openDirectory(path)
        } catch {
            guard error.code == ENOENT else { throw error }
        }
        try makeRoot()
        var walked = ""
        var directory = try openDirectory("")
        for component in path.pathComponents {
            walked += walked.isEmpty ? component : "/\(component)"
            if mkdirat(directory.number, component, 0o777) == 0 {
                try directory.synchronise()
            } else if errno != EEXIST {
                throw .last("mkdir")
            }
            directory = try openDirectory(walked)
        }
        return directory
    }

    private func makeRoot() throws(SystemError) {
        var walked = ""
        for component in root.pathComponents {
            let parent = walked
            walked += "/\(component)"
            if mkdir(walked, 0o777) == 0 {
                try FileDescriptor(opening: parent + "/", flags: O_RDONLY | O_DIRECTORY).synchronise()
            } else if errno != EEXIST, errno != EROFS, errno != EACCES {
                throw .last("mkdir")
            }
        }
    }

    /// Whether files below the root are written without a name, so that nothing is left of one whose writer dies. True too where nothing can be written.
    func hasNamelessFiles() -> Bool {
        guard usesNamelessFiles else { return false }
        guard let directory = try? openDirectory("") else { return true }
        let file = levee_open_unnamed(directory.number, 0o600)
        guard file >= 0 else { return ![EOPNOTSUPP, EISDIR, ENOENT, EINVAL].contains(errno) }
        close(file)
        return true
    }

    // MARK: Staying inside

    /// Throws `EACCES` where an open file lies outside of the root, wherever the path seemed to lead.
    func verifyInside(_ descriptor: Int32) throws(SystemError) {
        let root = try resolvedRootPath()
        let path = try Self.path(of: descriptor)
        guard path.utf8.starts(with: root.utf8), path.utf8.count == root.utf8.count || path.utf8.dropFirst(root.utf8.count).first == UInt8(ascii: "/") else {
            throw SystemError(code: EACCES, call: "a symbolic link leads out of \(self.root)")
        }
    }

    private func resolvedRootPath() throws(SystemError) -> String {
        if let path = resolvedRoot.withLock({ $0 }) { return path }
        let directory = try FileDescriptor(opening: root + "/", flags: openPathOnly | O_DIRECTORY)
        let path = try Self.path(of: directory.number)
        let resolved = path == "/" ? "" : path
        resolvedRoot.withLock { $0 = resolved }
        return resolved
    }

    /// Where an open file lies, without links.
    private static func path(of descriptor: Int32) throws(SystemError) -> String {
        let capacity = Int(PATH_MAX)
        let path = withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 1) { buffer -> String? in
            guard let base = buffer.baseAddress else { return nil }
            let count = readlink("/proc/self/fd/\(descriptor)", base.assumingMemoryBound(to: CChar.self), capacity)
            guard count > 0, count < capacity else { return nil }
            return String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
        }
        guard let path else { throw .last("readlink /proc/self/fd") }
        return path
    }

    // MARK: Removing

    /// Unlinks a file; one that is not there is removed already. A link is removed, not what it points to.
    func remove(_ path: ObjectPath) throws(ObjectStoreError) {
        do throws(SystemError) {
            let directory = try openDirectory(path.directory)
            guard unlinkat(directory.number, path.name, 0) == 0 else { throw .last("unlink") }
        } catch {
            if error.code == ENOENT || error.code == ENOTDIR { return }
            throw ObjectStoreError(error, path: shown(path.string), operation: "deleting")
        }
    }
}

/// `O_PATH` of Linux, the same on all its architectures; Swift's Glibc does not have it.
let openPathOnly: Int32 = 0o10000000

extension ObjectPath {
    /// All but the last component; empty for an object right below the root.
    var directory: String {
        guard let slash = string.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return String(string[..<slash])
    }

    /// The last component.
    var name: String {
        guard let slash = string.utf8.lastIndex(of: UInt8(ascii: "/")) else { return string }
        return String(string[string.utf8.index(after: slash)...])
    }
}
