import Base
import CSystem
import Glibc

/// Which of a directory's files are listed.
enum ListedFiles: Sendable {
    case objects
    /// Those that are being written under a hidden name, or whose writer died.
    case staged
}

/// Walks a directory tree in the byte order of the full paths. Holds the names of the directories on the way down, nothing else.
final class LocalListing: ObjectListing, @unchecked Sendable {
    // Safe to share: one caller at a time (see `ObjectListing`), and `run` orders its calls one after the other.

    private static let pageSize = 1000
    /// How many files are looked at by one thread.
    private static let partSize = 250

    private let tree: DirectoryTree
    private let prefix: String
    private let startAfter: String?
    private let files: ListedFiles
    private let executor: BlockingExecutor
    private var levels: [DirectoryLevel] = []
    private var isStarted = false

    init(tree: DirectoryTree, prefix: String, startAfter: String?, files: ListedFiles = .objects, executor: BlockingExecutor) {
        self.tree = tree
        self.prefix = prefix
        self.startAfter = startAfter
        self.files = files
        self.executor = executor
    }

    func next() async throws -> [ObjectInfo]? {
        while true {
            let files = try await executor.run { [self] in try take() }
            if files.isEmpty { return nil }
            // On a network file system each of these looks waits for the server.
            let parts = stride(from: 0, to: files.count, by: Self.partSize).map { files[$0..<min($0 + Self.partSize, files.count)] }
            let looked = try await concurrentMap(parts, limit: parts.count) { [self] part in
                try await executor.run { try part.compactMap { try info(of: $0) } }
            }
            // Those of a whole page may be gone by now.
            let page = looked.count == 1 ? looked[0] : Array(looked.joined())
            if !page.isEmpty { return page }
        }
    }

    /// The names of the next page.
    private func take() throws -> [ListedFile] {
        if !isStarted {
            isStarted = true
            if let first = try openFirstLevel() { levels.append(first) }
        }
        var page: [ListedFile] = []
        page.reserveCapacity(Self.pageSize)
        while page.count < Self.pageSize, let level = levels.last {
            try Task.checkCancellation()
            try advance(level, &page)
        }
        return page
    }

    /// The directory that the prefix names, and what its entries must start with.
    private func openFirstLevel() throws -> DirectoryLevel? {
        var directory = ""
        var nameStart = prefix
        if let slash = prefix.utf8.lastIndex(of: UInt8(ascii: "/")) {
            directory = String(prefix[..<slash])
            nameStart = String(prefix[prefix.utf8.index(after: slash)...])
            // What is no path of an object has no objects below it.
            guard (try? ObjectPath(directory)) != nil else { return nil }
        }
        do throws(SystemError) {
            let descriptor = try tree.openDirectory(directory)
            return try DirectoryLevel(descriptor, path: directory.isEmpty ? "" : directory + "/", nameStart: nameStart, startAfter: startAfter, files)
        } catch {
            if error.code == ENOENT || error.code == ENOTDIR { return nil }
            throw ObjectStoreError(error, path: tree.shown(directory), operation: "listing")
        }
    }

    /// Takes entries of one directory until the page is full, a directory has to be entered, or all are taken.
    private func advance(_ level: DirectoryLevel, _ page: inout [ListedFile]) throws {
        while page.count < Self.pageSize {
            guard let entry = level.next() else {
                levels.removeLast()
                return
            }
            if entry.isDirectory {
                if let below = try enter(entry, of: level) {
                    levels.append(below)
                    return
                }
            } else {
                page.append(ListedFile(directory: level.directory, name: entry.name))
            }
        }
    }

    private func enter(_ entry: DirectoryLevel.Entry, of level: DirectoryLevel) throws -> DirectoryLevel? {
        do throws(SystemError) {
            let descriptor = try FileDescriptor(opening: entry.name, at: level.directory.descriptor.number, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            return try DirectoryLevel(descriptor, path: "\(level.directory.path)\(entry.name)/", nameStart: "", startAfter: startAfter, files)
        } catch {
            // Deleted or replaced since its name was read.
            if [ENOENT, ENOTDIR, ELOOP].contains(error.code) { return nil }
            throw ObjectStoreError(error, path: tree.shown(level.directory.path + entry.name), operation: "listing")
        }
    }

    /// nil for what is no object, or no longer there.
    private func info(of file: ListedFile) throws -> ObjectInfo? {
        let path = try ObjectPath(file.directory.path + file.name)
        var status = stat()
        guard fstatat(file.directory.descriptor.number, file.name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return nil }
            throw ObjectStoreError(.last("stat"), path: tree.shown(path.string), operation: "listing")
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            return ObjectInfo(path: path, status: status)
        case S_IFLNK:
            // A link to a file inside is an object like any other; one that leads out, or nowhere, is none.
            guard let file = try? tree.openFile(path, flags: openPathOnly, operation: "listing"), let status = try? tree.regularFileStatus(file, path) else {
                return nil
            }
            return ObjectInfo(path: path, status: status)
        default:
            return nil
        }
    }
}

/// Open for as long as files of it are to be looked at.
private final class OpenDirectory: Sendable {
    let descriptor: FileDescriptor
    /// From the root, with a trailing slash; empty for the root.
    let path: String

    init(_ descriptor: consuming FileDescriptor, path: String) {
        self.descriptor = descriptor
        self.path = path
    }
}

private struct ListedFile: Sendable {
    let directory: OpenDirectory
    let name: String
}

/// One open directory and its entries in order.
private final class DirectoryLevel {
    struct Entry {
        let name: String
        let isDirectory: Bool
    }

    let directory: OpenDirectory
    private let files: ListedFiles
    /// The names, one after the other, those of directories with a trailing slash: that is how they sort among full paths (`a-b` before `a/c` before `a0`).
    private var names: [UInt8] = []
    private var places: [(offset: Int, count: Int)] = []
    private var nextPlace = 0

    init(_ descriptor: consuming FileDescriptor, path: String, nameStart: String, startAfter: String?, _ files: ListedFiles) throws(SystemError) {
        directory = OpenDirectory(descriptor, path: path)
        self.files = files
        try read(nameStart: Array(nameStart.utf8), bound: Bound(startAfter, in: path))
        names.withUnsafeBytes { names in
            places.sort { left, right in
                guard let base = names.baseAddress else { return false }
                let order = memcmp(base + left.offset, base + right.offset, min(left.count, right.count))
                return order != 0 ? order < 0 : left.count < right.count
            }
        }
    }

    func next() -> Entry? {
        guard nextPlace < places.count else { return nil }
        let place = places[nextPlace]
        nextPlace += 1
        let name = names[place.offset..<place.offset + place.count]
        let isDirectory = name.last == UInt8(ascii: "/")
        return Entry(name: String(decoding: isDirectory ? name.dropLast() : name, as: UTF8.self), isDirectory: isDirectory)
    }

    private func read(nameStart: [UInt8], bound: Bound) throws(SystemError) {
        // `closedir` closes the descriptor it was given.
        let copy = fcntl(directory.descriptor.number, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .last("fcntl") }
        guard let stream = fdopendir(copy) else {
            let error = SystemError.last("opendir")
            close(copy)
            throw error
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw .last("readdir") }
                return
            }
            take(entry, nameStart: nameStart, bound: bound)
        }
    }

    private func take(_ entry: UnsafeMutablePointer<dirent>, nameStart: [UInt8], bound: Bound) {
        guard let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) else { return }
        let start = UnsafeRawPointer(entry) + nameOffset
        let name = UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self)))
        if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) || !name.starts(with: nameStart) { return }

        var isDirectory = entry.pointee.d_type == DT_DIR
        if entry.pointee.d_type == DT_UNKNOWN {
            var status = stat()
            isDirectory =
                fstatat(directory.descriptor.number, start.assumingMemoryBound(to: CChar.self), &status, AT_SYMLINK_NOFOLLOW) == 0
                && status.st_mode & S_IFMT == S_IFDIR
        }
        if !isDirectory, StagedFile.isTemporaryName(name) != (files == .staged) { return }
        // Names that are no UTF-8 cannot be an ``ObjectPath``, and nothing that the log names.
        guard String(validating: name, as: UTF8.self) != nil else { return }

        let offset = names.count
        names += name
        if isDirectory { names.append(UInt8(ascii: "/")) }
        if bound.excludes(names[offset...], isDirectory: isDirectory) {
            names.removeSubrange(offset...)
        } else {
            places.append((offset, names.count - offset))
        }
    }
}

/// What `startAfter` means inside one directory.
private enum Bound {
    case nothing
    case everything
    /// Names after this one, and the directory on the way to it.
    case after([UInt8])

    init(_ startAfter: String?, in directory: String) {
        guard let startAfter else {
            self = .nothing
            return
        }
        if startAfter.utf8.starts(with: directory.utf8) {
            self = .after(Array(startAfter.utf8.dropFirst(directory.utf8.count)))
        } else {
            self = startAfter.utf8.lexicographicallyPrecedes(directory.utf8) ? .nothing : .everything
        }
    }

    func excludes(_ key: ArraySlice<UInt8>, isDirectory: Bool) -> Bool {
        switch self {
        case .nothing: false
        case .everything: true
        case let .after(bound): !bound.lexicographicallyPrecedes(key) && !(isDirectory && bound.starts(with: key))
        }
    }
}
