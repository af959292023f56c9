import Base
import CSystem
import Glibc

extension StagedFile {
    /// So much at a time, so that writing back begins early and a cancelled copy ends soon.
    private static let copiedAtOnce: Int64 = 8 << 20

    /// Appends bytes of another file, within the kernel, which shares the blocks where the file system can; false, and nothing was written, where it does not
    /// copy between the two places.
    func copy(_ range: Range<Int64>, of source: ObjectPath, in other: DirectoryTree) throws -> Bool {
        let from = try other.openFile(source, flags: O_RDONLY, operation: "copying")
        let size = Int64(try other.regularFileStatus(from, source).st_size)
        guard range.lowerBound >= 0, range.upperBound <= size else {
            throw ObjectStoreError.invalidRange(path: other.shown(source.string), start: range.lowerBound, size: size)
        }
        var offset = range.lowerBound
        while offset < range.upperBound {
            try Task.checkCancellation()
            let copied = levee_copy_file_range(from.number, offset, descriptor, min(range.upperBound - offset, Self.copiedAtOnce))
            if copied < 0, errno == EINTR { continue }
            if copied < 0 {
                let error = SystemError.last("copy_file_range")
                if offset == range.lowerBound, [EXDEV, EINVAL, EOPNOTSUPP, ENOSYS, EPERM].contains(error.code) { return false }
                throw ObjectStoreError(error, path: other.shown(source.string), operation: "copying")
            }
            guard copied > 0 else {
                throw ObjectStoreError.failed(
                    path: other.shown(source.string), operation: "copying", message: "the file became shorter meanwhile", retryable: true)
            }
            offset += copied
            noteWritten(copied)
        }
        return true
    }
}
