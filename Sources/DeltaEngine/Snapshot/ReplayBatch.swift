import Base

/// What a run of commits, read newest first, or a checkpoint says: columns of file actions, and the newest of each other kind of action.
struct ReplayBatch: Sendable {
    /// Which rows of the batch's segments a commit made.
    struct Commit: Sendable {
        let version: Int64
        let adds: Range<Int>
        let removes: Range<Int>
    }

    var adds = FileSegment.empty
    var removes = FileSegment.empty
    /// Newest first.
    var commits: [Commit] = []
    var `protocol`: (version: Int64, action: ProtocolAction)?
    /// Not decoded yet: its schema may have types that only the protocol's refusal explains.
    var metadata: (version: Int64, members: JSONObject)?
    var transactions: [String: SetTransaction] = [:]
    /// Tombstones included.
    var domains: [String: DomainMetadata] = [:]
    /// Of the newest commit.
    var commitInfo: CommitInfo?
}
