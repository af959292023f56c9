import Base
import ObjectStore

/// A file of file actions that a V2 checkpoint refers to (protocol, "Sidecar File Information").
struct Sidecar: Sendable, Hashable {
    let path: ObjectPath
    let sizeInBytes: Int64

    static let directory = LogFileName.directory + "_sidecars/"

    /// Sidecars lie in the table's own `_sidecars`, whatever directory the action names before.
    init(members: JSONObject) throws {
        guard let path = members["path"]?.stringValue, let size = members["sizeInBytes"]?.intValue, size > 0 else {
            throw ActionDecoding.Failure(reason: "a sidecar has no path or no size")
        }
        let name = DataPath(encoded: path).decoded.split(separator: "/").last.map(String.init) ?? ""
        do {
            self.path = try ObjectPath(Self.directory + name)
        } catch {
            throw ActionDecoding.Failure(reason: "the sidecar path \(path) cannot be used")
        }
        sizeInBytes = size
    }

    init(path: ObjectPath, sizeInBytes: Int64) {
        self.path = path
        self.sizeInBytes = sizeInBytes
    }
}

/// The JSON form of a V2 checkpoint's own file, both ways (protocol, "V2 Spec").
enum CheckpointManifest {
    /// The actions in it, and the sidecars that have the rest.
    static func read(_ bytes: Bytes, version: Int64) throws -> (batch: ReplayBatch, sidecars: [Sidecar]) {
        let scanner = CommitScanner()
        do throws(DeltaError) {
            try scanner.scan(bytes, version: version)
        } catch {
            guard case let .corruptCommit(_, line, reason) = error else { throw error }
            throw ActionDecoding.Failure(reason: "\(line.map { "line \($0): " } ?? "")\(reason)")
        }
        var sidecars: [Sidecar] = []
        try CommitReader.forEachLine(bytes) { line, _ in
            guard line.prefix(32).text.contains("\"sidecar\""), let members = try JSON.parse(line)["sidecar"]?.objectValue else { return }
            sidecars.append(try Sidecar(members: members))
        }
        return (scanner.finish(), sidecars)
    }

    /// The manifest of a snapshot whose file actions are in these sidecars.
    static func encode(_ snapshot: Snapshot, transactions: [SetTransaction], sidecars: [Sidecar], now: Timestamp) -> Bytes {
        var lines: [JSONValue] = [
            ["checkpointMetadata": ["version": .integer(snapshot.version), "tags": ["numOfAddFiles": .string(String(snapshot.numFiles))]]],
            ["metaData": snapshot.metadata.json], ["protocol": snapshot.protocol.json],
        ]
        lines += transactions.map { ["txn": $0.json] }
        lines += snapshot.domainMetadata.values.sorted { $0.domain < $1.domain }.map { ["domainMetadata": $0.json] }
        for sidecar in sidecars {
            let name = sidecar.path.string.dropFirst(Sidecar.directory.count)
            lines.append([
                "sidecar": [
                    "path": .string(String(name)), "sizeInBytes": .integer(sidecar.sizeInBytes), "modificationTime": .integer(now.milliseconds),
                ]
            ])
        }
        return Bytes(lines.map { JSON.encode($0) + "\n" }.joined())
    }
}
