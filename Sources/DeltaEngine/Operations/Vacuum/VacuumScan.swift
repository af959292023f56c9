import Base
import ObjectStore

/// Where a vacuum looks for the objects below a table's root that may go. A scan that holds only some of them is done again after these have been removed.
protocol VacuumScan: Sendable {
    func run(progress: ProgressReporter) async throws -> VacuumFindings
}

/// What a scan has found. Memory is bounded by the scan's capacity, not by the table.
struct VacuumFindings: Sendable {
    /// The first candidates, as many as are held.
    var candidates: [ObjectPath] = []
    /// All candidates, those that are not held included.
    var count: Int64 = 0
    var sizeInBytes: Int64 = 0
    var listed: Int64 = 0
    var tooYoung: Int64 = 0
    var keptForClones: Int64 = 0
    /// Where the log was gone by, the last commit whose removals are all among the candidates.
    var coveredVersion: Int64?

    var isComplete: Bool { count == Int64(candidates.count) }

    mutating func add(_ path: ObjectPath, sizeInBytes size: Int64, capacity: Int) {
        count += 1
        sizeInBytes = sizeInBytes.saturatingAdding(size)
        if candidates.count < capacity { candidates.append(path) }
    }
}

/// What decides on an object, wherever it was found.
struct VacuumRules: Sendable {
    let names: VacuumNames
    let live: LivePaths
    /// Objects that were modified at this moment or later stay.
    let cutoff: Timestamp
    /// What shallow clones refer to.
    var clones = LivePaths()
    /// How many candidates one scan holds at most.
    var capacity = 500_000

    func consider(_ path: ObjectPath, sizeInBytes: Int64, modified: Timestamp, _ findings: inout VacuumFindings) {
        if names.isHidden(path.string) { return }
        findings.listed += 1
        if live.contains(path.string) { return }
        guard modified < cutoff else {
            findings.tooYoung += 1
            return
        }
        if clones.contains(path.string) {
            findings.keptForClones += 1
            return
        }
        findings.add(path, sizeInBytes: sizeInBytes, capacity: capacity)
    }
}

/// Lists the whole table.
struct VacuumListing: VacuumScan {
    let store: any ObjectStore
    let rules: VacuumRules

    func run(progress: ProgressReporter) async throws -> VacuumFindings {
        var findings = VacuumFindings()
        let listing = store.list(prefix: "", startAfter: nil)
        var page = try await listing.next()
        while let objects = page {
            // The next page is fetched while this one is looked through.
            async let following = listing.next()
            for object in objects { rules.consider(object.path, sizeInBytes: object.sizeInBytes, modified: object.modified, &findings) }
            progress(OperationProgress(phase: .listing, filesDone: findings.listed))
            page = try await following
        }
        return findings
    }
}

extension LivePaths {
    /// The paths that the snapshot's table still needs: its files, those that left it within the retention, and the deletion vectors of both.
    ///
    /// Change-data files are in no snapshot; they go by their age alone, as in Spark.
    init(_ snapshot: Snapshot, files: TableFiles, now: Timestamp, retention: Duration) throws(DeltaError) {
        self.init(capacity: snapshot.files.count + snapshot.tombstones.count)
        for file in snapshot.files {
            try insert(file.encodedPath, in: files)
            if let vector = try file.deletionVector?.path { try insert(vector, in: files) }
        }
        for tombstone in snapshot.tombstones where tombstone.isRetained(at: now, retention: retention) {
            try insert(tombstone.encodedPath, in: files)
            if let vector = try tombstone.deletionVector?.path { try insert(vector, in: files) }
        }
    }

    /// Mostly a path is spelled in the log as it is in the store, and needs no text made of it.
    private mutating func insert(_ encoded: Bytes, in files: TableFiles) throws(DeltaError) {
        if encoded.withUnsafeBytes(Self.isPlain) { insert(encoded) } else { try insert(DataPath(encoded: encoded.text), in: files) }
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
    private mutating func insert(_ path: DataPath, in files: TableFiles) throws(DeltaError) {
        if let object = path.isAbsolute ? try? files.inside(path) : try files.inside(path) {
            insert(object.string)
        } else if let name = path.decoded.split(separator: "/").last {
            insert(name: String(name))
        }
    }
}
