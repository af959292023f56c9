import Base
import Glibc

/// One change of the state: an object's new content, or its end.
struct StateChange: Sendable {
    let revision: UInt64
    let key: StoredKey
    /// Nil: deleted. The content of the last version travels in memory only.
    let object: JSONValue?

    var json: JSONValue {
        var record: JSONObject = ["revision": .integer(Int64(clamping: revision)), "resource": .string(key.resource), "key": .string(key.path)]
        if let object { record["object"] = object }
        return .object(record)
    }

    init(revision: UInt64, key: StoredKey, object: JSONValue?) {
        self.revision = revision
        self.key = key
        self.object = object
    }

    init?(_ json: JSONValue) {
        guard let revision = json["revision"]?.intValue.flatMap({ UInt64(exactly: $0) }), let resource = json["resource"]?.stringValue,
            let path = json["key"]?.stringValue
        else { return nil }
        self.revision = revision
        key = StoredKey(resource: resource, path: path)
        object = json["object"]
    }
}

/// An open segment. Closed when the last writer that waits for it to be synced lets go.
final class LogFile: Sendable {
    let descriptor: Int32
    let path: String

    init(path: String) throws(StorageError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(operation: "open", path: path, errno: errno) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Removes what is behind `size`, and writes on from there.
    func truncate(to size: Int) throws(StorageError) {
        if ftruncate(descriptor, off_t(size)) != 0 || lseek(descriptor, off_t(size), SEEK_SET) < 0 {
            throw .system(operation: "truncate", path: path, errno: errno)
        }
    }

    func sync() throws(StorageError) {
        if fdatasync(descriptor) != 0 { throw .stopped(reason: "sync of \(path): \(String(cString: strerror(errno)))") }
    }
}

/// The log of changes since the last snapshot: appended before a change is visible, synced before it is acknowledged.
struct WriteAheadLog: Sendable {
    let file: LogFile
    private(set) var size: Int

    /// Opens or creates the segment and truncates it to `validSize`, what ``read(_:)`` found whole.
    init(path: String, validSize: Int) throws(StorageError) {
        file = try LogFile(path: path)
        size = validSize
        try file.truncate(to: validSize)
        try file.sync()
        try StateFiles.syncDirectory(of: path)
    }

    /// Hands the change to the kernel, which keeps it even if this process is killed. On an error the log is as before.
    mutating func append(_ change: StateChange) throws(StorageError) {
        let line = StateLine.encode(change.json)
        do {
            try StateFiles.writeAll(file.descriptor, line, path: file.path)
        } catch {
            // A torn line in the middle would end the log for the next reader.
            do { try file.truncate(to: size) } catch { throw .stopped(reason: "\(error)") }
            throw error
        }
        size += line.count
    }

    /// The changes of a segment, and how many bytes of it are whole: the last line may be torn by a crash, and is then not part of the state, since
    /// nobody was told that it was. A damaged line with others behind it is an error.
    static func read(_ path: String) throws(StorageError) -> (changes: [StateChange], validSize: Int) {
        guard let content = try StateFiles.read(path) else { return ([], 0) }
        var changes: [StateChange] = []
        var start = 0
        while start < content.count {
            guard let end = content[start...].firstIndex(of: UInt8(ascii: "\n")) else { break }
            guard let json = StateLine.decode(content[start..<end]), let change = StateChange(json) else {
                if content[(end + 1)...].contains(UInt8(ascii: "\n")) {
                    throw .damaged(path: path, line: changes.count + 1, reason: "the checksum does not match")
                }
                break
            }
            changes.append(change)
            start = end + 1
        }
        return (changes, start)
    }
}
