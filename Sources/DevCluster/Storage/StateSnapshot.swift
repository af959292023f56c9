import Base

/// The whole state at one revision, as a file: a header line, a line per object.
struct StateSnapshot: Sendable {
    var revision: UInt64 = 0
    var objects: [(key: StoredKey, object: JSONValue)] = []

    static func read(_ path: String) throws(StorageError) -> StateSnapshot {
        var snapshot = StateSnapshot()
        guard let content = try StateFiles.read(path) else { return snapshot }
        var count: Int64 = -1
        for (number, line) in content.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard let json = StateLine.decode(line) else { throw .damaged(path: path, line: number + 1, reason: "the checksum does not match") }
            if number == 0 {
                guard json["format"]?.intValue == 1, let revision = json["revision"]?.intValue, let objects = json["objects"]?.intValue else {
                    throw .damaged(path: path, line: 1, reason: "this is no snapshot that this version of levee can read")
                }
                snapshot.revision = UInt64(clamping: revision)
                count = objects
                continue
            }
            guard let change = StateChange(json), let object = change.object else {
                throw .damaged(path: path, line: number + 1, reason: "the line holds no object")
            }
            snapshot.objects.append((change.key, object))
        }
        guard Int64(snapshot.objects.count) == count else {
            throw .damaged(
                path: path, line: snapshot.objects.count + 1, reason: "the header promises \(count) objects, the file holds \(snapshot.objects.count)")
        }
        return snapshot
    }

    func write(_ path: String) throws(StorageError) {
        var content = StateLine.encode(["format": 1, "revision": .integer(Int64(clamping: revision)), "objects": .integer(Int64(objects.count))])
        for (key, object) in objects { content += StateLine.encode(StateChange(revision: 0, key: key, object: object).json) }
        try StateFiles.replace(path, content, mode: 0o600)
    }
}
