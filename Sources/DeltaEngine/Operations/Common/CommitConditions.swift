/// Who runs an operation, and when it must not commit (again).
public struct CommitConditions: Sendable, Hashable {
    /// Recorded with the commit, so that a result that got lost can be found in the table's history.
    public var operationUID: String?
    /// Recorded as the table's `txn`: a table that has this version of the application, or a later one, has the operation's result already.
    public var idempotency: Idempotency?
    /// Refuse when the table is at another version.
    public var expectedVersion: Int64?
    /// Read all rows of old and new files before the commit, and compare them; else the new files' footers and row counts are looked at.
    public var verifiesRows: Bool

    public struct Idempotency: Sendable, Hashable {
        public var appId: String
        public var version: Int64

        public init(appId: String, version: Int64) {
            self.appId = appId
            self.version = version
        }
    }

    public init(operationUID: String? = nil, idempotency: Idempotency? = nil, expectedVersion: Int64? = nil, verifiesRows: Bool = false) {
        self.operationUID = operationUID
        self.idempotency = idempotency
        self.expectedVersion = expectedVersion
        self.verifiesRows = verifiesRows
    }
}

extension CommitConditions {
    /// Looks at the table before any work is done: the version that the conditions say has the operation's result already, or nil to go on.
    ///
    /// Throws ``DeltaError/versionMismatch(expected:actual:)``. A run that was committed counts as done even where the table has moved on since.
    func versionApplied(in snapshot: Snapshot) throws(DeltaError) -> Int64? {
        if let idempotency, let done = snapshot.transactionVersion(idempotency.appId), done >= idempotency.version { return snapshot.version }
        if let expectedVersion, expectedVersion != snapshot.version {
            throw .versionMismatch(expected: expectedVersion, actual: snapshot.version)
        }
        return nil
    }

    /// Makes the commit happen once.
    func apply(to transaction: inout Transaction) {
        guard let idempotency else { return }
        transaction.setTransaction(appId: idempotency.appId, version: idempotency.version)
    }
}
