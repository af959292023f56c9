import Base
import ObjectStore

/// One run of ``Transaction/commit()``: the attempts and what was learnt between them.
struct CommitAttempt {
    private let transaction: Transaction
    private let store: any ObjectStore
    private let environment: EngineEnvironment
    private let txnId: String
    private let isolation: IsolationLevel

    init(_ transaction: Transaction) {
        self.transaction = transaction
        store = transaction.table.store
        environment = transaction.table.environment
        txnId = UUID.v4(environment.random).description
        isolation =
            transaction.isolationLevel
            ?? (transaction.hasFileActions && !transaction.changesData
                ? .snapshotIsolation : transaction.readSnapshot?.metadata.isolationLevel ?? .serializable)
    }

    /// The table as far as the transaction has been checked against it.
    private struct Base {
        var version: Int64
        var `protocol`: ProtocolAction
        var metadata: TableMetadata
        /// The in-commit timestamp of ``version``, where the table has them.
        var inCommitTimestamp: Int64?
        /// nil where rows have no ids.
        var rowTracking: RowTracking?
    }

    /// What became of a put.
    private enum Outcome {
        case ours(version: Int64)
        case lost
        /// Nothing is there; the same put may be tried again.
        case absent(any Error)
    }

    func run() async throws -> CommitResult {
        if let done = alreadyApplied(in: transaction.readSnapshot?.transactions ?? [:]) { return done }
        var base = try checkedBase()
        let checker = ConflictChecker(reads: transaction.reads, actions: transaction.actions, packed: transaction.packed, isolation: isolation)
        var attempts = 0
        while attempts < environment.maximumCommitAttempts {
            try Task.checkCancellation()
            attempts += 1
            let version = base.version + 1
            let path = try ObjectPath(LogFileName.commitPath(version))
            FaultPoint.hit("commit.beforePut")
            let content = try await commitContent(after: base)
            switch await put(path, content, version: version) {
            case let .ours(version):
                return try await finish(version, attempts: attempts)
            case let .absent(error):
                guard (error as? ObjectStoreError)?.isRetryable ?? false else { throw error }
                try await backOff(after: attempts)
            case .lost:
                // The wait comes first: what is read before it is stale behind it, and on a busy table the next put would be lost for sure.
                try await backOff(after: attempts)
                for winner in try await winners(after: base.version) {
                    // A put that was said to have failed, and had not.
                    if winner.commitInfo?.txnId == txnId { return try await finish(winner.version, attempts: attempts) }
                    guard transaction.readSnapshot != nil else { throw DeltaError.tableExists(location: store.rootDescription) }
                    if let done = try advance(&base, past: winner, checker, version: version) { return done }
                }
            }
        }
        throw DeltaError.tooManyAttempts(version: base.version + 1, attempts: attempts)
    }

    private func backOff(after attempts: Int) async throws {
        try await environment.clock.sleep(
            for: Backoff(base: .milliseconds(5), cap: .seconds(1)).delay(afterFailures: attempts, random: environment.random))
    }

    private func finish(_ version: Int64, attempts: Int) async throws -> CommitResult {
        FaultPoint.hit("commit.afterPut")
        transaction.packed?.forgetLines()
        let verified = try await PostCommit(transaction: transaction, txnId: txnId).run(version: version)
        return .committed(CommitResult.Commit(version: version, attempts: attempts, txnId: txnId, verified: verified))
    }

    // MARK: Checks

    /// Checks what the registry says of the transaction, and returns what it builds on.
    private func checkedBase() throws(DeltaError) -> Base {
        var newProtocol: ProtocolAction?
        var newMetadata: TableMetadata?
        for action in transaction.actions {
            switch action {
            case let .protocol(action):
                guard newProtocol == nil else { throw .invalidRequest(reason: "one commit cannot have two protocol actions") }
                newProtocol = action
            case let .metadata(metadata):
                guard newMetadata == nil else { throw .invalidRequest(reason: "one commit cannot have two metaData actions") }
                try metadata.check()
                newMetadata = metadata
            default: continue
            }
        }
        try checkFilesOnce()
        guard let snapshot = transaction.readSnapshot else {
            guard let newProtocol, let newMetadata else {
                throw .invalidRequest(reason: "the first commit of a table needs a protocol and a metaData action")
            }
            let base = Base(
                version: -1, protocol: newProtocol, metadata: newMetadata, rowTracking: RowTracking(newProtocol, newMetadata, [:]))
            try check(base, hasDeletionVectors: false)
            return base
        }
        let base = Base(
            version: snapshot.version, protocol: snapshot.protocol, metadata: snapshot.metadata,
            inCommitTimestamp: snapshot.commitInfo?.inCommitTimestamp,
            rowTracking: RowTracking(snapshot.protocol, snapshot.metadata, snapshot.domainMetadata))
        try check(base, hasDeletionVectors: snapshot.files.hasDeletionVectors)
        if newProtocol != nil || newMetadata != nil {
            // What a restore brings back the table has had, ids and names of its columns included; a clone takes another table's as they are; properties leave
            // the columns alone.
            let access: Access = if let access = transaction.access, [.restore, .clone, .properties].contains(access) { access } else { .metadataChange }
            try snapshot.require(access)
            if access != .restore, let newMetadata { try Clustering.check(snapshot.domainMetadata, newMetadata) }
            // Levee makes no table that it could not write to again.
            try FeatureRegistry.check(
                newProtocol ?? snapshot.protocol, newMetadata ?? snapshot.metadata, hasDeletionVectors: snapshot.files.hasDeletionVectors,
                access: access, version: snapshot.version + 1)
        }
        return base
    }

    private func check(_ base: Base, hasDeletionVectors: Bool) throws(DeltaError) {
        try FeatureRegistry.check(
            base.protocol, base.metadata, hasDeletionVectors: hasDeletionVectors, access: transaction.derivedAccess, version: max(0, base.version))
    }

    /// No two actions of one kind on one file (protocol, "Delta Log Entries").
    private func checkFilesOnce() throws(DeltaError) {
        var added: Set<DataPath> = []
        var removed: Set<DataPath> = []
        for action in transaction.actions {
            switch action {
            case let .add(file):
                guard added.insert(file.path).inserted else { throw .invalidRequest(reason: "\(file.path) is added twice in one commit") }
            case let .remove(file):
                guard removed.insert(file.path).inserted else { throw .invalidRequest(reason: "\(file.path) is removed twice in one commit") }
            default: continue
            }
        }
    }

    private func alreadyApplied(in transactions: [String: SetTransaction]) -> CommitResult? {
        for action in transaction.actions {
            guard case let .transaction(mine) = action, let there = transactions[mine.appId], there.version >= mine.version else { continue }
            return .alreadyApplied(appId: mine.appId, version: there.version)
        }
        return nil
    }

    /// Takes a winner into account; throws where the transaction does not survive it.
    private func advance(
        _ base: inout Base, past winner: CommitReader.Commit, _ checker: ConflictChecker, version: Int64
    ) throws(DeltaError) -> CommitResult? {
        var recorded: [String: SetTransaction] = [:]
        for action in winner.actions {
            if case let .transaction(transaction) = action { recorded[transaction.appId] = transaction }
        }
        if let done = alreadyApplied(in: recorded) { return done }
        if let conflict = checker.conflict(with: winner) {
            throw .commitConflict(version: version, winner: winner.version, conflict: conflict)
        }
        base.version = winner.version
        base.inCommitTimestamp = winner.commitInfo?.inCommitTimestamp
        base.rowTracking?.advance(past: winner.actions)
        for action in winner.actions {
            guard case let .protocol(action) = action else { continue }
            base.protocol = action
            // The feature may have come with the new protocol, or gone.
            let tracked = RowTracking(action, base.metadata, transaction.readSnapshot?.domainMetadata ?? [:])
            base.rowTracking = tracked == nil ? nil : base.rowTracking ?? tracked
            base.rowTracking?.advance(past: winner.actions)
            do {
                try check(base, hasDeletionVectors: transaction.readSnapshot?.files.hasDeletionVectors ?? false)
            } catch {
                throw .commitConflict(version: version, winner: winner.version, conflict: .protocolChanged)
            }
        }
        return nil
    }

    // MARK: Storage

    /// The commits after a version, in ascending order.
    private func winners(after version: Int64) async throws -> [CommitReader.Commit] {
        let files = try await LogListing.load(store, from: version + 1).commits
        guard files.first?.version == version + 1 else { throw DeltaError.missingCommit(version: version + 1) }
        let store = store
        return try await concurrentMap(files, limit: max(4, environment.parallelism)) { file in
            try CommitReader.read(try await store.get(file.path), version: file.version)
        }
    }

    /// Puts the commit, and finds out what became of it where the store does not say.
    private func put(_ path: ObjectPath, _ content: Content, version: Int64) async -> Outcome {
        do {
            try await write(content, to: path)
            return .ours(version: version)
        } catch ObjectStoreError.alreadyExists {
            return .lost
        } catch let failure {
            // A time-out, a broken connection, a cancelled task: the commit may be there all the same. Looked up in a task of its own, which a
            // cancellation of this one does not reach.
            let (store, txnId) = (store, txnId)
            return await Task { () -> Outcome in
                do {
                    let found = try await CommitReader.commitInfo(of: path, in: store, version: version)
                    return found?.txnId == txnId ? .ours(version: version) : .lost
                } catch ObjectStoreError.notFound {
                    return .absent(failure)
                } catch {
                    return .absent(DeltaError.commitOutcomeUnknown(version: version, reason: "\(failure)"))
                }
            }.value
        }
    }

    /// The time of a commit behind `base`: the clock's, and later than the commit before (protocol, "In-Commit Timestamps"); nil where the table has
    /// none.
    private func inCommitTimestamp(after base: Base) throws(DeltaError) -> Int64? {
        guard base.metadata.hasInCommitTimestamps(base.protocol) else { return nil }
        let now = environment.clock.now().milliseconds
        if base.version < 0 { return now }
        guard let last = base.inCommitTimestamp else {
            throw .corruptLog(version: base.version, reason: "its commit has no in-commit timestamp, which the table's properties ask for")
        }
        return max(now, last == .max ? last : last + 1)
    }

    /// What is to be put.
    private struct Content {
        let head: Bytes
        /// Behind it.
        let packed: PackedActions?
    }

    /// Puts it in one piece, or where it is large, and the store lets nobody overwrite it, as it is unpacked. Throws ``ObjectStoreError/alreadyExists(path:)``.
    private func write(_ content: Content, to path: ObjectPath) async throws {
        guard let packed = content.packed else { return try await store.put(path, content.head, mode: .ifAbsent) }
        guard packed.isStreamed, store.winsPathsInParts else {
            var whole = BytesBuilder(capacity: content.head.count + Int(packed.sizeInBytes))
            content.head.withUnsafeBytes { whole.append(contentsOf: $0) }
            try await packed.forEachBlock { lines in lines.withUnsafeBytes { whole.append(contentsOf: $0) } }
            return try await store.put(path, whole.take(), mode: .ifAbsent)
        }
        let writer = try await store.write(path)
        do {
            try await writer.write(content.head)
            try await packed.forEachBlock { try await writer.write($0) }
            try await writer.finish()
        } catch {
            await writer.abort()
            throw error
        }
    }

    private func commitContent(after base: Base) async throws -> Content {
        var actions = transaction.actions
        var packed = transaction.packed.flatMap { $0.isEmpty ? nil : $0 }
        // Ids are given one after the other, by what the table has when the commit is made.
        if base.rowTracking != nil, let files = packed, files.lacksRowIds {
            actions += try await files.actions()
            packed = nil
        }
        actions = try base.rowTracking?.assign(actions, version: base.version + 1) ?? actions
        var info = commitInfo(try inCommitTimestamp(after: base))
        if base.rowTracking != nil {
            let preserves = transaction.keepsRowIds || (RowTracking.preserves(actions) && packed?.removed.isEmpty ?? true)
            info["tags"] = ["delta.rowTracking.preserved": .string(String(preserves))]
        }
        var text = JSON.encode(["commitInfo": .object(info)])
        text += "\n"
        for action in actions {
            text += JSON.encode(action.json)
            text += "\n"
        }
        return Content(head: Bytes(text), packed: packed)
    }

    /// As Spark writes it, with Levee's own provenance beside.
    private func commitInfo(_ inCommitTimestamp: Int64?) -> JSONObject {
        let operation = transaction.operation
        var info: JSONObject = [:]
        info["inCommitTimestamp"] = inCommitTimestamp.map(JSONValue.integer)
        info["timestamp"] = .integer(inCommitTimestamp ?? environment.clock.now().milliseconds)
        info["operation"] = .string(operation.name)
        info["operationParameters"] = .object(operation.parameters)
        if let snapshot = transaction.readSnapshot { info["readVersion"] = .integer(snapshot.version) }
        info["isolationLevel"] = .string(isolation.rawValue)
        info["isBlindAppend"] = .bool(transaction.isBlindAppend)
        if !operation.metrics.isEmpty {
            info["operationMetrics"] = .object(JSONObject(operation.metrics.map { (key: $0.key, value: .string(Self.text($0.value))) }))
        }
        info["userMetadata"] = operation.userMetadata.map(JSONValue.string)
        info["engineInfo"] = .string(environment.engineInfo)
        info["txnId"] = .string(txnId)
        var provenance = operation.provenance
        if let uid = operation.uid { provenance["operationUid"] = .string(uid) }
        if !provenance.isEmpty { info["levee"] = .object(provenance) }
        return info
    }

    private static func text(_ value: JSONValue) -> String { value.stringValue ?? JSON.encode(value) }
}
