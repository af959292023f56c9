import Base

/// Puts the parts of a log together into the state they amount to (protocol, "Action Reconciliation"), newest part first.
struct Reconciliation {
    private(set) var files: [FileRows.Part] = []
    private(set) var tombstones: [FileRows.Part] = []
    private(set) var `protocol`: (version: Int64, action: ProtocolAction)?
    private(set) var metadata: (version: Int64, members: JSONObject)?
    private(set) var transactions: [String: SetTransaction] = [:]
    /// Tombstones included.
    private(set) var domains: [String: DomainMetadata] = [:]
    private var seen: SeenFiles

    /// - Parameter rows: how many file actions the commits have, so that the table needs not grow.
    init(rows: Int) { seen = SeenFiles(capacity: rows) }

    /// Domains without their tombstones.
    var domainMetadata: [String: DomainMetadata] { domains.filter { !$0.value.removed } }

    /// Adds a run of commits that is older than all before.
    mutating func add(commits batch: ReplayBatch) {
        takeNewest(batch)
        let addNumber = seen.add(batch.adds)
        let removeNumber = seen.add(batch.removes)
        var deadAdds = Array(repeating: false, count: batch.adds.count)
        var deadRemoves = Array(repeating: false, count: batch.removes.count)
        for commit in batch.commits {
            // A commit must not add and remove one logical file; where one does, the file stays.
            for row in commit.adds where !seen.insert(addNumber, row) { deadAdds[row] = true }
            for row in commit.removes where !seen.insert(removeNumber, row) { deadRemoves[row] = true }
        }
        files.append(FileRows.Part(segment: batch.adds, live: .all).without { deadAdds[$0] })
        tombstones.append(FileRows.Part(segment: batch.removes, live: .all).without { deadRemoves[$0] })
    }

    /// Adds a piece of the checkpoint that all commits came after. Its own rows are reconciled already.
    mutating func add(checkpoint batch: ReplayBatch) {
        takeNewest(batch)
        files.append(unseen(FileRows.Part(segment: batch.adds, live: .all)))
        tombstones.append(unseen(FileRows.Part(segment: batch.removes, live: .all)))
    }

    /// Adds a whole state that all commits came after. Returns the totals of the files together, found without a look at those that stay.
    mutating func add(older snapshot: Snapshot) -> FileTotals {
        var totals = snapshot.files.totals
        for part in files { totals.add(part) }
        files += snapshot.files.rows.parts.map { part in unseen(part) { totals.remove(part.segment, $0) } }
        tombstones += snapshot.tombstones.rows.parts.map { part in unseen(part) }
        transactions.merge(snapshot.transactions) { newer, _ in newer }
        domains.merge(snapshot.domainMetadata) { newer, _ in newer }
        return totals
    }

    /// The part without the files that newer parts have spoken of; `died` is told the rows of those.
    private func unseen(_ part: FileRows.Part, _ died: (Int) -> Void = { _ in }) -> FileRows.Part {
        let positions = seen.positions(in: part)
        for position in positions { died(part.row(position)) }
        return part.without(positions: positions)
    }

    private mutating func takeNewest(_ batch: ReplayBatch) {
        if `protocol` == nil { `protocol` = batch.protocol }
        if metadata == nil { metadata = batch.metadata }
        transactions.merge(batch.transactions) { newer, _ in newer }
        domains.merge(batch.domains) { newer, _ in newer }
    }
}
