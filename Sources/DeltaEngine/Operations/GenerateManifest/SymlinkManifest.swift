import Base
import ObjectStore

/// The files by which engines that know nothing of Delta read a table (Hive's `SymlinkTextInputFormat`; Athena, Presto, Redshift): one text per partition with a
/// line for each data file, as Spark's GENERATE writes them.
struct SymlinkManifest: Sendable {
    static let directory = "_symlink_format_manifest/"
    /// Keeps the manifest up to date with every commit.
    static let property = "delta.compatibility.symlinkFormatManifest.enabled"

    let table: DeltaTable
    let snapshot: Snapshot

    private static let concurrency = 8

    /// What becomes of the manifest's files.
    struct Plan: Sendable {
        /// By partition, in the order of the partition columns; the positions of its files.
        var written: [(path: ObjectPath, files: [Int])] = []
        /// Of partitions that have no file any more.
        var removed: [ObjectPath] = []
    }

    /// The whole manifest. Throws ``DeltaError/unsupportedFeature(feature:access:reason:)`` for tables whose rows their files alone do not tell.
    func plan() async throws -> Plan {
        try snapshot.require(.manifest)
        var plan = Plan()
        plan.written = try filesByManifest().sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        // Who reads a table without files must find that it has none.
        if plan.written.isEmpty, snapshot.metadata.partitionColumns.isEmpty { plan.written.append((try path(of: []), [])) }
        let current = Set(plan.written.map(\.path))
        let listing = table.store.list(prefix: Self.directory, startAfter: nil)
        while let page = try await listing.next() {
            for object in page where !current.contains(object.path) && Self.isOurs(object.path) { plan.removed.append(object.path) }
        }
        return plan
    }

    /// What changes for partitions in which a commit added or removed files; their values in the order of the partition columns.
    func plan(touching partitions: Set<[String?]>) throws -> Plan {
        try snapshot.require(.manifest)
        var plan = Plan()
        let files = try filesByManifest()
        for path in Set(try partitions.map { try path(of: $0) }).sorted() {
            if let files = files[path] {
                plan.written.append((path, files))
            } else if snapshot.metadata.partitionColumns.isEmpty {
                plan.written.append((path, []))
            } else {
                plan.removed.append(path)
            }
        }
        return plan
    }

    /// New manifests first: a partition is never without one that it should have.
    func write(_ plan: Plan, afterFile: @escaping @Sendable () -> Void) async throws {
        _ = try await concurrentMap(plan.written, limit: Self.concurrency) { entry in
            try await table.store.put(entry.path, Bytes(try text(entry.files)), mode: .overwrite)
            FaultPoint.hit("manifest.written")
            afterFile()
            return true
        }
        guard !plan.removed.isEmpty else { return }
        FaultPoint.hit("manifest.beforeRemoval")
        for start in stride(from: 0, to: plan.removed.count, by: 1000) {
            let failed = try await table.store.delete(Array(plan.removed[start..<min(start + 1000, plan.removed.count)]))
            if let error = failed.first?.error { throw DeltaError.storage(error) }
        }
    }

    /// Partitions that are one to Hive (null is spelled in two ways) share a manifest.
    private func filesByManifest() throws -> [ObjectPath: [Int]] {
        var files: [ObjectPath: [Int]] = [:]
        for group in snapshot.files.partitionGroups() { files[try path(of: group.values), default: []] += group.files }
        return files
    }

    /// Checksums that Hadoop's local file system wrote beside older manifests would say that the new ones are damaged.
    private static func isOurs(_ path: ObjectPath) -> Bool {
        let name = path.string.split(separator: "/").last
        return name == "manifest" || name == ".manifest.crc"
    }

    private func path(of partition: [String?]) throws -> ObjectPath {
        // An empty text is no directory's name; it means null, as it does in the log.
        let values = partition.map { $0 == "" ? nil : $0 }
        return try ObjectPath(Self.directory + PartitionPath.directory(columns: snapshot.metadata.partitionColumns, values: values) + "manifest")
    }

    /// The files' places, whole and not escaped.
    private func text(_ files: [Int]) throws -> String {
        let root = DataPath.decode(table.store.rootDescription)
        let prefix = root.hasSuffix("/") ? root : root + "/"
        var lines: [String] = []
        for position in files {
            let path = snapshot.files[position].path
            let line = path.isAbsolute ? path.decoded : prefix + path.decoded
            guard !line.utf8.contains(UInt8(ascii: "\n")) else {
                throw DeltaError.unsupportedPath(path: path.encoded, reason: "it has a line break in it, and a manifest has a line for each file")
            }
            lines.append(line)
        }
        return lines.sorted().map { $0 + "\n" }.joined()
    }
}

extension SymlinkManifest {
    /// The partitions in which these actions add or remove files; nil where one does not say.
    static func partitions(of actions: [Action], keys: [String]) -> Set<[String?]>? {
        var partitions: Set<[String?]> = []
        for action in actions {
            switch action {
            case let .add(file): partitions.insert(keys.map { file.partitionValues[$0] ?? nil })
            case let .remove(file):
                guard let values = file.partitionValues else { return nil }
                partitions.insert(keys.map { values[$0] ?? nil })
            default: continue
            }
        }
        return partitions
    }
}
