import Glibc

/// What can go wrong with the files of the control plane's state.
enum StorageError: Error, CustomStringConvertible {
    case inUse(directory: String)
    case system(operation: String, path: String, errno: Int32)
    case damaged(path: String, line: Int, reason: String)
    /// After a failed sync nothing is known about what the disk holds: writes stop until a restart reads it back.
    case stopped(reason: String)

    case certificate(reason: String)

    var description: String {
        switch self {
        case let .inUse(directory): "\(directory) is in use by another levee dev; stop it, or choose another --data-dir"
        case let .system(operation, path, code): "cannot \(operation) \(path): \(String(cString: strerror(code)))"
        case let .damaged(path, line, reason):
            "\(path), line \(line): \(reason); the file was changed or damaged after it was written, restore it or start with an empty --data-dir"
        case let .certificate(reason): "cannot make a TLS certificate for the API server: \(reason)"
        case let .stopped(reason): "the state cannot be written any more (\(reason)); free space or repair the disk, then start levee dev again"
        }
    }
}
