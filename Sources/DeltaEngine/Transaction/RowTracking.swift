import Base

/// Gives the rows of new files their ids (protocol, "Writer Requirements for Row Tracking").
struct RowTracking: Sendable {
    static let domain = "delta.rowTracking"
    private static let highWaterMarkKey = "rowIdHighWaterMark"

    /// The highest id given so far; -1 before the first.
    private var highWaterMark: Int64

    /// nil for a table whose writers assign no ids: without the feature, or where it is suspended.
    init?(_ action: ProtocolAction, _ metadata: TableMetadata, _ domains: [String: DomainMetadata]) {
        guard FeatureRegistry.writerFeatures(action).contains(TableFeature.rowTracking.name), !metadata.isEnabled("delta.rowTrackingSuspended") else {
            return nil
        }
        highWaterMark = domains[Self.domain].flatMap(Self.highWaterMark) ?? -1
    }

    static func highWaterMark(_ domain: DomainMetadata) -> Int64? {
        (try? JSON.parse(domain.configuration))?[highWaterMarkKey]?.intValue
    }

    /// Takes the ids into account that a commit has given.
    mutating func advance(past actions: [Action]) {
        for case let .domainMetadata(domain) in actions where domain.domain == Self.domain && !domain.removed {
            highWaterMark = max(highWaterMark, Self.highWaterMark(domain) ?? highWaterMark)
        }
    }

    /// The actions for a commit of that version: files without ids get the next ones, and the mark goes up. Files that are committed again keep theirs.
    ///
    /// Throws ``DeltaError/invalidRequest(reason:)`` for a file whose statistics do not say how many ids it needs.
    func assign(_ actions: [Action], version: Int64) throws(DeltaError) -> [Action] {
        // A clone brings the mark of the ids that its files have.
        var next = highWaterMark
        let mark = highWaterMark
        for case let .domainMetadata(domain) in actions where domain.domain == Self.domain && !domain.removed {
            next = max(next, Self.highWaterMark(domain) ?? next)
        }
        var assigned: [Action] = []
        for action in actions {
            if case let .domainMetadata(domain) = action, domain.domain == Self.domain, !domain.removed { continue }
            guard case var .add(file) = action else {
                assigned.append(action)
                continue
            }
            if file.baseRowId == nil {
                guard let stats = file.stats, let records = Bytes(stats).withUnsafeBytes(StatisticsText.recordCount) else {
                    throw .invalidRequest(reason: "\(file.path) has no number of rows in its statistics, which the table's row ids need")
                }
                let (last, overflow) = next.addingReportingOverflow(records)
                guard !overflow, next < .max else { throw .invalidRequest(reason: "the table has given out all row ids") }
                file.baseRowId = next + 1
                next = last
            }
            file.defaultRowCommitVersion = file.defaultRowCommitVersion ?? version
            assigned.append(.add(file))
        }
        if next > mark {
            let configuration = JSON.encode([Self.highWaterMarkKey: .integer(next)])
            assigned.append(.domainMetadata(DomainMetadata(domain: Self.domain, configuration: configuration, removed: false)))
        }
        return assigned
    }

    /// Whether the rows of the commit are new, all of them: then every row that was there has kept its id. A rewrite gives rows other ids, unless it
    /// takes them along (``RowIdColumns``).
    static func preserves(_ actions: [Action]) -> Bool {
        !actions.contains { action in
            switch action {
            case let .add(file): !file.dataChange
            case .remove, .changeData: true
            default: false
            }
        }
    }
}
