import Base
import ObjectStore

/// A change of the table: what an operation has read, and the actions it wants committed.
///
/// ``commit()`` puts the next version if nobody has; where somebody was faster it checks the winners against what was read and tries again behind them.
public struct Transaction: Sendable {
    public let table: DeltaTable
    /// What the operation has looked at; nil for a transaction that creates the table.
    public let readSnapshot: Snapshot?
    public var operation: OperationInfo
    public var reads: ReadSet
    public var actions: [Action]
    /// Adds and removes beside ``actions``, for commits that are too large for these.
    var packed: PackedActions?

    /// What the transaction does to the table; found from the actions where nil. Set it for commits without actions (`.vacuum`).
    public var access: Access?
    /// The level at which to check against concurrent commits; nil for the table's own, and for snapshot isolation where no data changes.
    public var isolationLevel: IsolationLevel?

    /// Whether the files that it adds are looked up in the store once more after the commit: for those that the operation has just written, or found.
    public var looksUpFiles = false

    /// Whether rows that were only moved have their ids with them, in the files' columns for these (protocol, "Row Tracking").
    var keepsRowIds = false

    public init(
        table: DeltaTable, readSnapshot: Snapshot?, operation: OperationInfo, reads: ReadSet = .none, actions: [Action] = [], access: Access? = nil
    ) {
        self.table = table
        self.readSnapshot = readSnapshot
        self.operation = operation
        self.reads = reads
        self.actions = actions
        self.access = access
    }

    public mutating func add(_ file: AddFile) { actions.append(.add(file)) }

    public mutating func remove(_ file: RemoveFile) { actions.append(.remove(file)) }

    /// Makes the commit happen once for this application and version: where the table's `txn` is there already, ``commit()`` does nothing.
    public mutating func setTransaction(appId: String, version: Int64) {
        actions.removeAll { if case let .transaction(other) = $0 { other.appId == appId } else { false } }
        actions.append(.transaction(SetTransaction(appId: appId, version: version, lastUpdated: table.environment.clock.now().milliseconds)))
    }

    /// Commits. On an error nothing has been committed, but for ``DeltaError/commitOutcomeUnknown(version:reason:)``.
    ///
    /// Throws ``DeltaError/commitConflict(version:winner:conflict:)`` where a concurrent commit changed what was read, the refusals of the feature
    /// registry, ``DeltaError/tableExists(location:)`` where a table was to be created and is there. A checkpoint that is due is written after the
    /// commit; that it could not be is logged and no error.
    public func commit() async throws -> CommitResult {
        try await DeltaError.wrapping { try await CommitAttempt(self).run() }
    }
}

extension Transaction {
    /// What the actions amount to.
    var derivedAccess: Access {
        if let access { return access }
        var adds = false
        var removesData = false
        var rearranges = false
        for action in actions {
            switch action {
            case let .add(file): if file.dataChange { adds = true } else { rearranges = true }
            case let .remove(file): if file.dataChange { removesData = true } else { rearranges = true }
            case .changeData: removesData = true
            case .metadata, .protocol, .transaction, .domainMetadata: continue
            }
        }
        if let packed {
            adds = adds || !packed.added.isEmpty
            removesData = removesData || !packed.removed.isEmpty
        }
        if removesData { return .rewrite }
        if adds { return .append }
        return rearranges ? .maintain : .metadataChange
    }

    var changesData: Bool {
        if hasPackedActions { return true }
        return actions.contains { action in
            switch action {
            case let .add(file): file.dataChange
            case let .remove(file): file.dataChange
            case .metadata, .protocol: true
            case .changeData, .transaction, .domainMetadata: false
            }
        }
    }

    var hasFileActions: Bool {
        if hasPackedActions { return true }
        return actions.contains { action in
            switch action {
            case .add, .remove: true
            default: false
            }
        }
    }

    private var hasPackedActions: Bool { packed.map { !$0.isEmpty } ?? false }

    /// Adds alone, decided without a look at the table.
    var isBlindAppend: Bool {
        guard reads.isNone, packed?.removed.isEmpty ?? true else { return false }
        var adds = packed.map { !$0.added.isEmpty } ?? false
        for action in actions {
            switch action {
            case let .add(file):
                guard file.dataChange else { return false }
                adds = true
            case .transaction: continue
            default: return false
            }
        }
        return adds
    }
}
