import Base

/// How a transaction ended well.
public enum CommitResult: Sendable, Hashable {
    case committed(Commit)
    /// The table's `txn` for the application is at or past the transaction's version already: nothing was committed.
    case alreadyApplied(appId: String, version: Int64)

    public struct Commit: Sendable, Hashable {
        public let version: Int64
        /// How often version numbers were tried for; 1 where nobody was faster.
        public let attempts: Int
        /// `txnId` of the commit.
        public let txnId: String
        /// The table as it was found after the commit; nil where it could not be read then.
        public let verified: Verification.Table?
    }

    /// The table's version that holds the commit; nil where nothing was committed.
    public var version: Int64? {
        if case let .committed(commit) = self { commit.version } else { nil }
    }
}
