import Base
import ObjectStore

/// Looks at the table right after a commit: what was added is there, what was removed is not, and the rest is as it was.
///
/// That the put succeeded says that the log has the commit's bytes. This says that they mean what was meant, by the code that reads tables.
struct CommitVerification {
    private let transaction: Transaction

    init(_ transaction: Transaction) { self.transaction = transaction }

    /// - Parameter snapshot: the table at the version that was committed, read after the commit.
    ///
    /// Throws ``DeltaError/commitNotAsMeant(version:reason:)``, and what the store throws.
    func run(_ snapshot: Snapshot) async throws -> Verification.Table {
        let (adds, removes) = segments()
        let addCount = adds.count + (transaction.packed?.added.count ?? 0)
        let found = positions(of: adds, transaction.packed?.added, in: snapshot.files)
        guard found.count == addCount else {
            throw notAsMeant(snapshot, "of \(addCount) files that the commit adds the table has \(found.count)")
        }
        // A file that only changed its deletion vector or its statistics is removed and added: by its path it stays, as another logical file, or as the same.
        let readded = positions(of: removes, transaction.packed?.removed, in: snapshot.files).filter { !found.contains($0) }
        if let left = readded.first {
            throw notAsMeant(snapshot, "it still has \(snapshot.files[left].path), which the commit removes")
        }
        try checkTotals(snapshot, adds: adds, removes: removes)
        return Verification.Table(
            version: snapshot.version, files: Int64(snapshot.numFiles), rows: snapshot.files.numRecords,
            filesFound: transaction.looksUpFiles ? try await CommittedFiles(table: transaction.table, snapshot: snapshot).lookUp(found.sorted()) : 0)
    }

    private func notAsMeant(_ snapshot: Snapshot, _ reason: String) -> DeltaError { .commitNotAsMeant(version: snapshot.version, reason: reason) }

    /// Where no other commit came between, the table has as many files as it had, and those of the commit more or fewer.
    private func checkTotals(_ snapshot: Snapshot, adds: FileSegment, removes: FileSegment) throws(DeltaError) {
        guard let before = transaction.readSnapshot, snapshot.version == before.version + 1 else { return }
        let packed = transaction.packed
        let replaced = positions(of: removes, packed?.removed, in: before.files).union(positions(of: adds, packed?.added, in: before.files))
        let expected = before.numFiles - replaced.count + adds.count + (packed?.added.count ?? 0)
        guard snapshot.numFiles == expected else { throw notAsMeant(snapshot, "it has \(snapshot.numFiles) files in place of \(expected)") }
    }

    /// The files that the transaction adds, and those that it removes.
    private func segments() -> (adds: FileSegment, removes: FileSegment) {
        let adds = FileSegmentBuilder()
        let removes = FileSegmentBuilder()
        for action in transaction.actions {
            switch action {
            case let .add(file): adds.append(file.path, file.deletionVector)
            case let .remove(file): removes.append(file.path, file.deletionVector)
            default: continue
            }
        }
        return (adds.finish(), removes.finish())
    }

    /// Where files are in a table, some of them known by their hashes; what it does not have is left out.
    private func positions(of segment: FileSegment, _ hashes: [UInt64]?, in files: FileTable) -> Set<Int> {
        var found = files.positions(of: segment)
        guard let hashes, !hashes.isEmpty else { return found }
        found.reserveCapacity(found.count + hashes.count)
        var position = 0
        for part in files.rows.parts {
            for offset in 0..<part.count {
                if hashes.containsSorted(part.segment.hashes[part.row(offset)]) { found.insert(position) }
                position += 1
            }
        }
        return found
    }
}
