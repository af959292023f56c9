import Base
import CSystem
import Glibc

/// A file that is being written: without a name, or under a hidden one where the file system cannot do without. Used by one task at a time.
final class StagedFile: @unchecked Sendable {
    // Safe to share: its owner, a put or an `ObjectWriter`, is used by one task at a time.

    /// After this many new bytes the kernel is asked to start writing them back, so that the final `fsync` does not find everything still to do.
    private static let writebackChunk: Int64 = 8 << 20

    private let tree: DirectoryTree
    private let path: ObjectPath
    private let random: any RandomSource
    private let directory: FileDescriptor
    private let file: FileDescriptor
    /// The hidden name, while there is one.
    private var temporaryName: String?
    private var written: Int64 = 0
    private var writebackStarted: Int64 = 0
    private var isDiscarded = false

    init(for path: ObjectPath, in tree: DirectoryTree, random: any RandomSource) throws(ObjectStoreError) {
        self.tree = tree
        self.path = path
        self.random = random
        do throws(SystemError) {
            directory = try tree.makeDirectory(path.directory)
            let nameless = tree.usesNamelessFiles ? levee_open_unnamed(directory.number, 0o666) : -1
            if nameless >= 0 {
                file = FileDescriptor(owning: nameless)
            } else {
                // What file systems and old kernels say that have no nameless files; anything else is true of named ones as well.
                guard !tree.usesNamelessFiles || [EOPNOTSUPP, EISDIR, ENOENT, EINVAL].contains(errno) else { throw .last("open") }
                let name = Self.makeTemporaryName(random)
                file = try FileDescriptor(opening: name, at: directory.number, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o666)
                temporaryName = name
            }
        } catch {
            throw ObjectStoreError(error, path: tree.shown(path.string), operation: "writing")
        }
    }

    deinit { discard() }

    func append(_ bytes: Bytes) throws(ObjectStoreError) {
        do throws(SystemError) {
            try bytes.withUnsafeBytes { bytes throws(SystemError) in try file.write(bytes) }
        } catch {
            throw ObjectStoreError(error, path: tree.shown(path.string), operation: "writing")
        }
        noteWritten(Int64(bytes.count))
    }

    /// Of the file itself, for calls that write into it; they do so at its end.
    var descriptor: Int32 { file.number }

    func noteWritten(_ count: Int64) {
        written += count
        if written - writebackStarted >= Self.writebackChunk {
            // Only a hint: where it fails, `fsync` has more to do.
            _ = levee_start_writeback(file.number, writebackStarted, written - writebackStarted)
            writebackStarted = written
        }
    }

    /// Makes the file durable and visible.
    func publish(_ mode: PutMode) throws(ObjectStoreError) {
        guard !isDiscarded else {
            throw .failed(path: tree.shown(path.string), operation: "writing", message: "the object was finished or given up before", retryable: false)
        }
        do throws(SystemError) {
            try file.synchronise()
            switch mode {
            case .ifAbsent: try link()
            case .overwrite: try replace()
            }
            isDiscarded = true
            try directory.synchronise()
        } catch {
            throw ObjectStoreError(error, path: tree.shown(path.string), operation: "writing")
        }
    }

    private func link() throws(SystemError) {
        guard let temporaryName else {
            guard levee_link_open_file(file.number, directory.number, path.name) == 0 else { throw .last("link") }
            return
        }
        if tree.link(directory.number, temporaryName, path.name) != 0 {
            let error = SystemError.last("link")
            if error.code == EPERM || error.code == EOPNOTSUPP {
                // A file system without hard links.
                guard levee_rename_exclusive(directory.number, temporaryName, directory.number, path.name) == 0 else { throw .last("rename") }
                self.temporaryName = nil
                return
            }
            // Over NFS a link can succeed and its answer be lost, so that the repeated request finds the name taken, by ourselves: a second link tells.
            guard try file.status().st_nlink == 2 else { throw error }
        }
        unlinkat(directory.number, temporaryName, 0)
        self.temporaryName = nil
    }

    private func replace() throws(SystemError) {
        let name: String
        if let temporaryName {
            name = temporaryName
        } else {
            // Only a name can replace a name.
            name = Self.makeTemporaryName(random)
            guard levee_link_open_file(file.number, directory.number, name) == 0 else { throw .last("link") }
            temporaryName = name
        }
        guard renameat(directory.number, name, directory.number, path.name) == 0 else { throw .last("rename") }
        temporaryName = nil
    }

    /// Gives the space back; harmless after ``publish(_:)``.
    func discard() {
        guard !isDiscarded else { return }
        isDiscarded = true
        if let temporaryName { unlinkat(directory.number, temporaryName, 0) }
        temporaryName = nil
        ftruncate(file.number, 0)
    }

    // MARK: Hidden names

    private static func makeTemporaryName(_ random: any RandomSource) -> String { ".\(UUID.v4(random)).tmp" }

    /// Whether this is the name of a file that is still being written, or whose writer died.
    static func isTemporaryName(_ name: UnsafeRawBufferPointer) -> Bool {
        name.count == 41 && name.first == UInt8(ascii: ".") && name.suffix(4).elementsEqual(".tmp".utf8)
            && UUID(String(decoding: name.dropFirst().dropLast(4), as: UTF8.self)) != nil
    }
}
