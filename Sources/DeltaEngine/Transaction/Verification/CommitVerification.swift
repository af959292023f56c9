import Base
import ObjectStore

/// Looks at the table right after a commit: what was added is there, what was removed is not, and the rest is as it was.
///
/// That the put succeeded says that the log has the commit's bytes. This says that they mean what was meant, by the code that reads tables.
struct CommitVerification {
    private let transaction: Transaction

    /// Of a commit with more files than this a sample is looked up: they were all looked at before.
    private static let filesLookedUp = 1000

    init(_ transaction: Transaction) { self.transaction = transaction }

    /// - Parameter snapshot: the table at the version that was committed, read after the commit.
    ///
    /// Throws ``DeltaError/commitNotAsMeant(version:reason:)``, and what the store throws.
    func run(_ snapshot: Snapshot) async throws -> Verification.Table {
        let (adds, removes) = segments()
        let found = positions(of: adds, in: snapshot.files)
        guard found.count == adds.count else {
            throw notAsMeant(snapshot, "of \(adds.count) files that the commit adds the table has \(found.count)")
        }
        // A file that only changed its deletion vector or its statistics is removed and added: by its path it stays, as another logical file, or as the same.
        let readded = positions(of: removes, in: snapshot.files).filter { !found.contains($0) }
        if let left = readded.first {
            throw notAsMeant(snapshot, "it still has \(snapshot.files[left].path), which the commit removes")
        }
        try checkTotals(snapshot, adds: adds, removes: removes)
        return Verification.Table(
            version: snapshot.version, files: Int64(snapshot.numFiles), rows: snapshot.files.numRecords,
            filesFound: transaction.looksUpFiles ? try await lookUp(found.sorted(), snapshot) : 0)
    }

    private func notAsMeant(_ snapshot: Snapshot, _ reason: String) -> DeltaError { .commitNotAsMeant(version: snapshot.version, reason: reason) }

    /// Where no other commit came between, the table has as many files as it had, and those of the commit more or fewer.
    private func checkTotals(_ snapshot: Snapshot, adds: FileSegment, removes: FileSegment) throws(DeltaError) {
        guard let before = transaction.readSnapshot, snapshot.version == before.version + 1 else { return }
        let replaced = positions(of: removes, in: before.files).union(positions(of: adds, in: before.files))
        let expected = before.numFiles - replaced.count + adds.count
        guard snapshot.numFiles == expected else { throw notAsMeant(snapshot, "it has \(snapshot.numFiles) files in place of \(expected)") }
    }

    /// The files that the transaction adds, and those that it removes.
    private func segments() -> (adds: FileSegment, removes: FileSegment) {
        let adds = FileSegmentBuilder()
        let removes = FileSegmentBuilder()
        for action in transaction.actions {
            switch action {
            case let .add(file): Self.append(file.path, file.deletionVector, to: adds)
            case let .remove(file): Self.append(file.path, file.deletionVector, to: removes)
            default: continue
            }
        }
        return (adds.finish(), removes.finish())
    }

    private static func append(_ path: DataPath, _ vector: DeletionVectorDescriptor?, to builder: FileSegmentBuilder) {
        var text = path.encoded
        text.withUTF8 { bytes in
            builder.appendRow(pathLimit: bytes.count, size: nil, time: nil, flags: [], deletionVector: vector) { target in
                _ = target.initialize(from: bytes)
                return bytes.count
            }
        }
    }

    /// Where files are in a table; what it does not have is left out.
    private func positions(of segment: FileSegment, in files: FileTable) -> Set<Int> {
        guard segment.count > 0 else { return [] }
        var seen = SeenFiles(capacity: segment.count)
        let number = seen.add(segment)
        for row in 0..<segment.count { _ = seen.insert(number, row) }
        var found: Set<Int> = []
        var start = 0
        for part in files.rows.parts {
            for position in seen.positions(in: part) { found.insert(start + position) }
            start += part.count
        }
        return found
    }

    /// Throws where a file is gone, or of another size, while the table's newest version still has it.
    private func lookUp(_ positions: [Int], _ snapshot: Snapshot) async throws -> Int64 {
        let step = max(1, (positions.count + Self.filesLookedUp - 1) / Self.filesLookedUp)
        let sample = stride(from: 0, to: positions.count, by: step).map { positions[$0] }
        let tableFiles = transaction.table.files
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
        let now = try await transaction.table.refresh(snapshot)
        let wanted = FileSegmentBuilder()
        for position in missing { Self.append(files[position].path, files[position].deletionVector, to: wanted) }
        guard let gone = self.positions(of: wanted.finish(), in: now.files).first else { return Int64(sample.count - missing.count) }
        throw notAsMeant(snapshot, "\(now.files[gone].path), which the commit adds, is not in the store as it was written")
    }
}
