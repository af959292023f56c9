import Base
import ObjectStore

/// Finds the objects below a table's root that may go. Memory is bounded by ``capacity``, not by the listing.
struct VacuumScan: Sendable {
    let store: any ObjectStore
    let names: VacuumNames
    let live: LivePaths
    /// Objects that were modified at this moment or later stay.
    let cutoff: Timestamp

    /// How many candidates one scan holds at most; a further scan finds the next ones after these have been removed.
    var capacity = 500_000

    struct Findings: Sendable {
        /// The first ``VacuumScan/capacity`` candidates.
        var candidates: [ObjectPath] = []
        /// All candidates, those that are not held included.
        var count: Int64 = 0
        var sizeInBytes: Int64 = 0
        var listed: Int64 = 0
        var tooYoung: Int64 = 0

        var isComplete: Bool { count == Int64(candidates.count) }
    }

    func run(progress: ProgressReporter) async throws -> Findings {
        var findings = Findings()
        let listing = store.list(prefix: "", startAfter: nil)
        var page = try await listing.next()
        while let objects = page {
            // The next page is fetched while this one is looked through.
            async let following = listing.next()
            for object in objects { consider(object, &findings) }
            progress(OperationProgress(phase: .listing, filesDone: findings.listed))
            page = try await following
        }
        return findings
    }

    private func consider(_ object: ObjectInfo, _ findings: inout Findings) {
        if names.isHidden(object.path.string) { return }
        findings.listed += 1
        if live.contains(object.path.string) { return }
        guard object.modified < cutoff else {
            findings.tooYoung += 1
            return
        }
        findings.count += 1
        findings.sizeInBytes = findings.sizeInBytes.saturatingAdding(object.sizeInBytes)
        if findings.candidates.count < capacity { findings.candidates.append(object.path) }
    }
}

extension LivePaths {
    /// The paths that the snapshot's table still needs: its files, those that left it within the retention, and the deletion vectors of both.
    ///
    /// Change-data files are in no snapshot; they go by their age alone, as in Spark.
    init(_ snapshot: Snapshot, store: any ObjectStore, now: Timestamp, retention: Duration) throws(DeltaError) {
        self.init(capacity: snapshot.files.count + snapshot.tombstones.count)
        for file in snapshot.files {
            try insert(file.encodedPath, in: store)
            if let vector = try file.deletionVector?.path { try insert(vector, in: store) }
        }
        for tombstone in snapshot.tombstones where tombstone.isRetained(at: now, retention: retention) {
            try insert(tombstone.encodedPath, in: store)
            if let vector = try tombstone.deletionVector?.path { try insert(vector, in: store) }
        }
    }

    /// Mostly a path is spelled in the log as it is in the store, and needs no text made of it.
    private mutating func insert(_ encoded: Bytes, in store: any ObjectStore) throws(DeltaError) {
        if encoded.withUnsafeBytes(Self.isPlain) { insert(encoded) } else { try insert(DataPath(encoded: encoded.text), in: store) }
    }

    /// No escape, no scheme, no leading slash, and no component that is empty or begins with a dot.
    private static func isPlain(_ path: UnsafeRawBufferPointer) -> Bool {
        var previous = UInt8(ascii: "/")
        for byte in path {
            switch byte {
            case UInt8(ascii: "%"), UInt8(ascii: ":"): return false
            case UInt8(ascii: "/"), UInt8(ascii: "."): if previous == UInt8(ascii: "/") { return false }
            default: break
            }
            previous = byte
        }
        return true
    }

    /// Throws for a relative path that cannot be resolved: the file that it means must not be taken for dead. One outside of the root will not be
    /// listed, unless the root has another name by which it is inside, so the file's own name is kept.
    private mutating func insert(_ path: DataPath, in store: any ObjectStore) throws(DeltaError) {
        do throws(DeltaError) {
            insert(try path.object(in: store).string)
        } catch {
            guard path.isAbsolute, let name = path.decoded.split(separator: "/").last else { throw error }
            insert(name: String(name))
        }
    }
}
