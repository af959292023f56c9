import Base
import CSystem
import Glibc

/// Objects as files below a directory.
///
/// - A put is durable and atomic: the file is written without a name (`O_TMPFILE`), synchronised, and only then linked to its name, which the kernel
///   refuses when the name is taken. A process that dies on the way leaves nothing behind. File systems without nameless files (NFS, some overlays)
///   get a hidden file `.<uuid>.tmp` beside the target instead, which no listing shows.
/// - Reads use `pread`, never `mmap`: a file cut short under a mapping kills the process.
/// - Nothing outside the root is reached: a symbolic link that leads out is denied, directories that are links are not listed.
public final class LocalStore: ObjectStore {
    let tree: DirectoryTree
    private let executor: BlockingExecutor
    private let random: any RandomSource

    /// - Parameters:
    ///   - root: an absolute directory; it need not exist before the first put.
    ///   - executor: runs the file system's calls.
    public convenience init(root: String, executor: BlockingExecutor, random: any RandomSource = SystemRandomSource()) {
        self.init(tree: DirectoryTree(root: root), executor: executor, random: random)
    }

    init(tree: DirectoryTree, executor: BlockingExecutor, random: any RandomSource) {
        self.tree = tree
        self.executor = executor
        self.random = random
    }

    public var winsPathsInParts: Bool { true }

    public var rootDescription: String { "file://\(tree.root.percentEncodedPath)" }

    public func head(_ path: ObjectPath) async throws -> ObjectInfo {
        try await executor.run { [tree] in
            let file = try tree.openFile(path, flags: openPathOnly, operation: "looking at it")
            return ObjectInfo(path: path, status: try tree.regularFileStatus(file, path))
        }
    }

    public func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes {
        try await executor.run { [tree] in
            let file = try tree.openFile(path, flags: O_RDONLY, operation: "reading")
            let size = Int64(try tree.regularFileStatus(file, path).st_size)
            return try Self.read(file, tree.shown(path.string), range ?? 0..<size, size: size)
        }
    }

    public func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] {
        try await executor.run { [tree] in
            let file = try tree.openFile(path, flags: O_RDONLY, operation: "reading")
            let size = Int64(try tree.regularFileStatus(file, path).st_size)
            var parts: [Bytes] = []
            parts.reserveCapacity(ranges.count)
            for range in ranges {
                try Task.checkCancellation()
                parts.append(try Self.read(file, tree.shown(path.string), range, size: size))
            }
            return parts
        }
    }

    /// Allocates no more than the file holds, whatever the range asks for.
    private static func read(_ file: borrowing FileDescriptor, _ path: String, _ range: Range<Int64>, size: Int64) throws -> Bytes {
        guard range.lowerBound >= 0, range.lowerBound <= size else {
            throw ObjectStoreError.invalidRange(path: path, start: range.lowerBound, size: size)
        }
        let wanted = Int(min(range.upperBound, size) - range.lowerBound)
        let bytes: Bytes
        do throws(SystemError) {
            bytes = try Bytes(capacity: wanted) { target throws(SystemError) in try file.read(into: target, at: range.lowerBound) }
        } catch {
            throw ObjectStoreError(error, path: path, operation: "reading")
        }
        guard bytes.count == wanted else {
            throw ObjectStoreError.failed(path: path, operation: "reading", message: "the file became shorter meanwhile", retryable: true)
        }
        return bytes
    }

    public func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws {
        try await executor.run { [tree, random] in
            let file = try StagedFile(for: path, in: tree, random: random)
            do {
                try file.append(bytes)
                try file.publish(mode)
            } catch {
                file.discard()
                throw error
            }
        }
    }

    public func write(_ path: ObjectPath) async throws -> any ObjectWriter {
        LocalWriter(file: try await stage(path), executor: executor)
    }

    /// A file that is to become the object.
    func stage(_ path: ObjectPath) async throws -> StagedFile {
        try await executor.run { [tree, random] in try StagedFile(for: path, in: tree, random: random) }
    }

    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result { try await executor.run(body) }

    public func list(prefix: String, startAfter: String?) -> any ObjectListing {
        LocalListing(tree: tree, prefix: prefix, startAfter: startAfter, executor: executor)
    }

    public func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] {
        var failures: [(path: ObjectPath, error: ObjectStoreError)] = []
        // In portions, so that a cancelled vacuum of a million files stops soon and other work gets the threads in between.
        for start in stride(from: 0, to: paths.count, by: 1000) {
            failures += try await executor.run { [tree] in
                paths[start..<min(start + 1000, paths.count)].compactMap { path in
                    do throws(ObjectStoreError) {
                        try tree.remove(path)
                        return nil
                    } catch {
                        return (path, error)
                    }
                }
            }
        }
        return failures
    }

    /// Hidden files, where a file system has no nameless ones.
    public func unfinishedUploads(begunBefore time: Timestamp) async throws -> [UnfinishedUpload] {
        if try await executor.run({ [tree] in tree.hasNamelessFiles() }) { return [] }
        let listing = LocalListing(tree: tree, prefix: "", startAfter: nil, files: .staged, executor: executor)
        var uploads: [UnfinishedUpload] = []
        while let page = try await listing.next() {
            // A writer that is at work changes its file.
            uploads += page.filter { $0.modified < time }.map { UnfinishedUpload(path: $0.path, id: "", begun: $0.modified) }
        }
        return uploads
    }

    public func giveUp(_ uploads: [UnfinishedUpload]) async throws -> Int { try await delete(uploads.map(\.path)).count }
}

/// Streams into a nameless file.
private final class LocalWriter: ObjectWriter {
    private let file: StagedFile
    private let executor: BlockingExecutor

    init(file: StagedFile, executor: BlockingExecutor) {
        self.file = file
        self.executor = executor
    }

    func write(_ bytes: Bytes) async throws {
        try await executor.run { [file] in try file.append(bytes) }
    }

    func copy(_ range: Range<Int64>, of path: ObjectPath, in store: any ObjectStore) async throws -> Bool {
        guard let other = store as? LocalStore else { return false }
        return try await executor.run { [file] in try file.copy(range, of: path, in: other.tree) }
    }

    func finish() async throws {
        try await executor.run { [file] in try file.publish(.ifAbsent) }
    }

    func abort() async {
        // Not on the executor: its `run` refuses cancelled tasks, and to forget a file takes no time.
        file.discard()
    }
}

extension ObjectInfo {
    init(path: ObjectPath, status: stat) {
        let modified = Int64(status.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000).partialValue &+ Int64(status.st_mtim.tv_nsec) / 1000
        self.init(path: path, sizeInBytes: Int64(status.st_size), modified: Timestamp(microseconds: modified))
    }
}

extension ObjectStoreError {
    /// What a failed system call means for an object.
    init(_ error: SystemError, path: String, operation: String) {
        switch error.code {
        case ENOENT, ENOTDIR: self = .notFound(path: path)
        case EEXIST: self = .alreadyExists(path: path)
        case EACCES, EPERM, EROFS: self = .permissionDenied(path: path, operation: "\(operation) (\(error))")
        case ENOSPC, EDQUOT: self = .outOfSpace(path: path)
        case ENAMETOOLONG: self = .invalidPath(path: path, reason: "the file system does not take names that long")
        case EILSEQ: self = .invalidPath(path: path, reason: "the file system does not take this name")
        case EAGAIN, EBUSY, EMFILE, ENFILE, ENOMEM, ENOLCK, ESTALE, ETIMEDOUT, EIO:
            self = .failed(path: path, operation: operation, message: error.description, retryable: true)
        default: self = .failed(path: path, operation: operation, message: error.description, retryable: false)
        }
    }
}
