import Base
import CSystem
import Glibc

extension LocalStore {
    /// Within the kernel, which shares the blocks where the file system can.
    public func copy(_ source: ObjectPath, of store: any ObjectStore, sizeInBytes: Int64, to path: ObjectPath) async throws -> Bool {
        guard let other = store as? LocalStore else { return false }
        let file = try await stage(path)
        do {
            let isCopied = try await run { try file.copy(source, of: other.tree) }
            if isCopied { try await run { try file.publish(.ifAbsent) } } else { file.discard() }
            return isCopied
        } catch {
            file.discard()
            throw error
        }
    }
}

extension StagedFile {
    /// So much at a time, so that a cancelled copy of a large file ends soon.
    private static let copiedAtOnce: Int64 = 256 << 20

    /// Appends a whole file; false, and nothing was written, where the kernel does not copy between the two places.
    func copy(_ source: ObjectPath, of other: DirectoryTree) throws -> Bool {
        let from = try other.openFile(source, flags: O_RDONLY, operation: "copying")
        let size = Int64(try other.regularFileStatus(from, source).st_size)
        var offset: Int64 = 0
        while offset < size {
            try Task.checkCancellation()
            let copied = levee_copy_file_range(from.number, offset, descriptor, min(size - offset, Self.copiedAtOnce))
            if copied < 0, errno == EINTR { continue }
            if copied < 0 {
                let error = SystemError.last("copy_file_range")
                if offset == 0, [EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EPERM].contains(error.code) { return false }
                throw ObjectStoreError(error, path: other.shown(source.string), operation: "copying")
            }
            if copied == 0 { break }
            offset += copied
            noteWritten(copied)
        }
        return true
    }
}
