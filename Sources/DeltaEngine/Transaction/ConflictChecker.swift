/// Whether a transaction still stands after commits that were faster: the protocol's and Spark's conflict rules. Pure.
struct ConflictChecker: Sendable {
    private let reads: ReadSet
    private let isolation: IsolationLevel
    private let removed: Set<DataPath>
    private let packed: PackedActions?
    private let applications: Set<String>
    private let domains: Set<String>
    private let addsFiles: Bool
    private let changesProtocol: Bool
    private let changesMetadata: Bool

    init(reads: ReadSet, actions: [Action], packed: PackedActions? = nil, isolation: IsolationLevel) {
        self.reads = reads
        self.packed = packed
        self.isolation = isolation
        var removed: Set<DataPath> = []
        var applications: Set<String> = []
        var domains: Set<String> = []
        var addsFiles = packed.map { !$0.added.isEmpty } ?? false
        var changesProtocol = false
        var changesMetadata = false
        for action in actions {
            switch action {
            case let .remove(file): removed.insert(file.path)
            case let .transaction(transaction): applications.insert(transaction.appId)
            case let .domainMetadata(domain): domains.insert(domain.domain)
            case .protocol: changesProtocol = true
            case .metadata: changesMetadata = true
            case .add: addsFiles = true
            case .changeData: continue
            }
        }
        self.removed = removed
        self.applications = applications
        self.domains = domains
        self.addsFiles = addsFiles
        self.changesProtocol = changesProtocol
        self.changesMetadata = changesMetadata
    }

    /// What the transaction and a commit that was made meanwhile fall out over; nil where both stand.
    func conflict(with winner: CommitReader.Commit) -> DeltaError.Conflict? {
        for action in winner.actions {
            switch action {
            case .protocol: if changesProtocol { return .protocolChanged }
            case .metadata: return .metadataChanged
            case let .remove(file):
                if removed.contains(file.path) || packed?.removes(file.path) == true { return .removedTwice(path: file.path.decoded) }
                if reads.hasRead(file.path) { return .removedReadFile(path: file.path.decoded) }
            case let .add(file):
                if mustSee(file, of: winner), reads.wouldRead(file) { return .addedFile(path: file.path.decoded) }
            case let .transaction(transaction):
                if applications.contains(transaction.appId) { return .transactionIdentifier(appId: transaction.appId) }
            case let .domainMetadata(domain):
                if domains.contains(domain.domain) { return .metadataDomain(domain: domain.domain) }
                // Files that were written for other clustering columns may lack statistics on these (protocol, "Writer Requirements for Clustered Table").
                if addsFiles, domain.domain == Clustering.domain { return .clusteringColumnsChanged }
            case .changeData: continue
            }
        }
        return nil
    }

    /// Whether a file that the winner added counts at this transaction's isolation level.
    private func mustSee(_ file: AddFile, of winner: CommitReader.Commit) -> Bool {
        // Rows that were only rearranged were there to be read before; who read their old files conflicts over the removal.
        guard file.dataChange else { return false }
        switch isolation {
        case .snapshotIsolation: return false
        case .serializable: return true
        // Blind appends may be ordered after this transaction, unless it changed what an appender must obey.
        case .writeSerializable: return changesMetadata || winner.commitInfo?.isBlindAppend != true
        }
    }
}
