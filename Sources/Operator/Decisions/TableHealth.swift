import Base

/// How a table does: a score, and what takes off from it with advice. Pure.
struct TableHealth: Hashable, Sendable {
    struct Finding: Hashable, Sendable {
        var reason: Reason
        /// Points off the score.
        var weight: Int
        var message: String
        var advice: String
    }

    enum Reason: String, Hashable, Sendable, CaseIterable {
        case smallFiles = "SmallFiles"
        case longLog = "LongLog"
        case removableFiles = "RemovableFiles"
        case deletedRows = "DeletedRows"
        case missingStatistics = "MissingStatistics"
        case unsupportedFeature = "UnsupportedFeature"
    }

    /// What is judged.
    struct Facts: Hashable, Sendable {
        var numFiles: Int64 = 0
        var sizeInBytes: Int64 = 0
        var smallFiles: Int64 = 0
        var commitsSinceCheckpoint: Int64 = 0
        /// Removed files past the table's own retention.
        var removableFiles: Int64 = 0
        var removableBytes: Int64 = 0
        var numRecords: Int64?
        var deletedRows: Int64 = 0
        var filesWithoutStatistics: Int64 = 0
        var refusal: String?
    }

    /// 0 to 100.
    let score: Int
    /// The heaviest first.
    let findings: [Finding]

    init(_ facts: Facts) {
        findings = Self.checks.compactMap { $0(facts) }.sorted { ($0.weight, $1.reason.rawValue) > ($1.weight, $0.reason.rawValue) }
        score = max(0, 100 - findings.reduce(0) { $0 + $1.weight })
    }

    private static let checks: [@Sendable (Facts) -> Finding?] = [smallFiles, longLog, removableFiles, deletedRows, missingStatistics, unsupportedFeature]

    @Sendable private static func smallFiles(_ facts: Facts) -> Finding? {
        // A handful is what any fresh write leaves.
        guard facts.smallFiles >= 20, facts.numFiles > 0 else { return nil }
        let share = Double(facts.smallFiles) / Double(facts.numFiles)
        let weight = min(40, Int(share * 20) + min(20, Int(facts.smallFiles / 50)))
        guard weight > 0 else { return nil }
        return Finding(
            reason: .smallFiles, weight: weight, message: "\(facts.smallFiles) of \(facts.numFiles) files would be merged by an OPTIMIZE",
            advice: "let a MaintenancePolicy with optimize select the table, or write in larger batches")
    }

    @Sendable private static func longLog(_ facts: Facts) -> Finding? {
        guard facts.commitsSinceCheckpoint >= 100 else { return nil }
        return Finding(
            reason: .longLog, weight: min(25, Int(facts.commitsSinceCheckpoint / 40)),
            message: "every reader reads \(facts.commitsSinceCheckpoint) commits one by one since the last checkpoint",
            advice: "let a MaintenancePolicy with checkpoint select the table, or set delta.checkpointInterval for its writers")
    }

    @Sendable private static func removableFiles(_ facts: Facts) -> Finding? {
        guard facts.removableFiles >= 100, facts.removableBytes > facts.sizeInBytes / 4 || facts.removableFiles > facts.numFiles else { return nil }
        return Finding(
            reason: .removableFiles, weight: facts.removableBytes > facts.sizeInBytes ? 20 : 10,
            message: "\(facts.removableFiles) removed files (\(facts.removableBytes.formattedBytes)) are past the retention and may still take space",
            advice: "let a MaintenancePolicy with vacuum select the table")
    }

    @Sendable private static func deletedRows(_ facts: Facts) -> Finding? {
        guard let numRecords = facts.numRecords, facts.deletedRows > 0 else { return nil }
        let share = Double(facts.deletedRows) / Double(max(1, numRecords + facts.deletedRows))
        guard share >= 0.1 else { return nil }
        return Finding(
            reason: .deletedRows, weight: min(20, Int(share * 40)), message: "\(facts.deletedRows) deleted rows are still read past in the files",
            advice: "rewrite the files without them (REORG TABLE … APPLY (PURGE) in Spark)")
    }

    @Sendable private static func missingStatistics(_ facts: Facts) -> Finding? {
        guard facts.filesWithoutStatistics > 0, facts.numFiles > 0 else { return nil }
        let share = Double(facts.filesWithoutStatistics) / Double(facts.numFiles)
        return Finding(
            reason: .missingStatistics, weight: max(1, Int(share * 15)),
            message: "\(facts.filesWithoutStatistics) of \(facts.numFiles) files have no row count; queries cannot skip them",
            advice: "rewriting them writes statistics: an OPTIMIZE does it for those that it merges")
    }

    @Sendable private static func unsupportedFeature(_ facts: Facts) -> Finding? {
        facts.refusal.map {
            Finding(
                reason: .unsupportedFeature, weight: 5, message: $0,
                advice: "Levee watches the table and leaves its files alone; maintain it with the engine that enabled the feature")
        }
    }
}
