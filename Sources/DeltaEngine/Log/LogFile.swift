import Base
import ObjectStore

/// A file of the log as a listing shows it.
public struct LogFile: Sendable, Hashable {
    public let name: LogFileName
    public let path: ObjectPath
    public let sizeInBytes: Int64
    public let modified: Timestamp

    /// nil for an object that is none of the log's files, those in directories below `_delta_log` included.
    init?(_ object: ObjectInfo) {
        let text = object.path.string
        guard text.hasPrefix(LogFileName.directory), let name = LogFileName(text.dropFirst(LogFileName.directory.count)) else { return nil }
        self.name = name
        path = object.path
        sizeInBytes = object.sizeInBytes
        modified = object.modified
    }

    var version: Int64 { name.version }
}
