import Base
import ObjectStore

/// Looks up in the store what a commit has brought into the table.
struct CommittedFiles {
    let table: DeltaTable
    /// The table at the version that was committed.
    let snapshot: Snapshot

    /// Of a commit with more files than this a sample is looked up: they were all looked at before.
    private static let filesLookedUp = 1000

    /// Returns how many files were looked up, of those at these positions.
    ///
    /// Throws ``DeltaError/commitNotAsMeant(version:reason:)`` where one is gone, or of another size, while the table's newest version still has it.
    func lookUp(_ positions: [Int]) async throws -> Int64 {
        let step = max(1, (positions.count + Self.filesLookedUp - 1) / Self.filesLookedUp)
        let sample = stride(from: 0, to: positions.count, by: step).map { positions[$0] }
        let tableFiles = table.files
        let files = snapshot.files
        let missing = try await concurrentMap(sample, limit: 16) { position -> Int? in
            let file = files[position]
            do {
                let place = try tableFiles.place(of: file.path)
                return try await place.store.head(place.path).sizeInBytes == file.size ? nil : position
            } catch ObjectStoreError.notFound {
                return position
            }
        }.compactMap(\.self)
        guard !missing.isEmpty else { return Int64(sample.count) }
        // A commit that came right after may have taken it out of the table, and a vacuum out of the store.
        let now = try await table.refresh(snapshot)
        let wanted = FileSegmentBuilder()
        for position in missing { wanted.append(files[position].path, files[position].deletionVector) }
        guard let gone = now.files.positions(of: wanted.finish()).first else { return Int64(sample.count - missing.count) }
        throw DeltaError.commitNotAsMeant(
            version: snapshot.version, reason: "\(now.files[gone].path), which the commit adds, is not in the store as it was written")
    }
}

extension FileSegmentBuilder {
    /// A file by what tells logical files apart.
    func append(_ path: DataPath, _ vector: DeletionVectorDescriptor?) {
        var text = path.encoded
        text.withUTF8 { bytes in
            appendRow(pathLimit: bytes.count, size: nil, time: nil, flags: [], deletionVector: vector) { target in
                _ = target.initialize(from: bytes)
                return bytes.count
            }
        }
    }
}

extension FileTable {
    /// Where the segment's files are in the table; what it does not have is left out.
    func positions(of segment: FileSegment) -> Set<Int> {
        guard segment.count > 0 else { return [] }
        var seen = SeenFiles(capacity: segment.count)
        let number = seen.add(segment)
        for row in 0..<segment.count { _ = seen.insert(number, row) }
        var found: Set<Int> = []
        var start = 0
        for part in rows.parts {
            for position in seen.positions(in: part) { found.insert(start + position) }
            start += part.count
        }
        return found
    }
}
