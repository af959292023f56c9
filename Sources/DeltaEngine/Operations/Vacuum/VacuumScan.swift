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
            insert(file.encodedPath, in: store)
            if let vector = try file.deletionVector?.path { insert(vector, in: store) }
        }
        for tombstone in snapshot.tombstones where tombstone.isRetained(at: now, retention: retention) {
            insert(tombstone.encodedPath, in: store)
            if let vector = try tombstone.deletionVector?.path { insert(vector, in: store) }
        }
    }

    /// Mostly a path is spelled in the log as it is in the store, and needs no text made of it.
    private mutating func insert(_ encoded: Bytes, in store: any ObjectStore) {
        let isPlain = encoded.withUnsafeBytes { bytes in
            bytes.first != UInt8(ascii: "/") && !bytes.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: ":") }
        }
        if isPlain { insert(encoded) } else { insert(DataPath(encoded: encoded.text), in: store) }
    }

    /// A path outside of the table's root will not be listed either.
    private mutating func insert(_ path: DataPath, in store: any ObjectStore) {
        if let object = try? path.object(in: store) { insert(object.string) }
    }
}
