import Base
import Columnar
import Expressions

/// Which files a DELETE has to do with: made from the log alone.
struct DeletePlan: Sendable {
    /// Positions in the snapshot's file table of files that go with all of their rows, as the partition values or statistics prove.
    private(set) var removed: [Int] = []
    /// Those whose rows have to be looked at.
    private(set) var candidates: [Int] = []
    /// What the decision rests on.
    let reads: ReadSet

    /// Throws ``DeltaError/invalidRequest(reason:)`` for a condition that cannot be used.
    init(_ snapshot: Snapshot, condition: String?, now: Timestamp) throws(DeltaError) {
        let files = snapshot.files
        guard let condition else {
            removed = Array(files.indices)
            reads = .wholeTable
            return
        }
        if let filter = try Self.partitionFilter(condition, snapshot, now) {
            for group in files.partitionGroups() where try filter.matches(group.values) { removed += group.files }
            removed.sort()
            let keys = files.partitionKeys
            reads = .matching(files: Self.paths(removed, files)) { file in
                // A file whose values cannot be read would have been looked into.
                (try? filter.matches(keys.map { file.partitionValues[$0] ?? nil })) ?? true
            }
            return
        }
        let predicate = try FilePredicate(condition, metadata: snapshot.metadata, now: now)
        for (position, file) in files.enumerated() where predicate.mayMatch(file) {
            if predicate.matchesAll(file) { removed.append(position) } else { candidates.append(position) }
        }
        reads = .matching(files: Self.paths(removed + candidates, files)) { predicate.mayMatch($0) }
    }

    /// nil for a condition that needs a look at other columns than the partition's.
    private static func partitionFilter(_ condition: String, _ snapshot: Snapshot, _ now: Timestamp) throws(DeltaError) -> PartitionFilter? {
        let fields = snapshot.schema.fields
        let used: [Int]
        do throws(ExpressionError) {
            used = try Expression.parse(condition).bindCondition(to: fields, now: now).columns
        } catch {
            throw .invalidRequest(reason: "the condition cannot be used: \(error)")
        }
        guard used.allSatisfy({ snapshot.metadata.partitionColumns.contains(fields[$0].name) }) else { return nil }
        return try PartitionFilter(condition, metadata: snapshot.metadata, now: now)
    }

    private static func paths(_ positions: [Int], _ files: FileTable) -> Set<DataPath> { Set(positions.lazy.map { files[$0].path }) }
}
