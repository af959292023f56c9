import Base
import ObjectStore

/// Makes a table the same as another one at a version (Delta's CLONE), and again whenever it is repeated: then only what has changed since moves, by one
/// commit, and the target keeps its history.
///
/// A masked or filtered clone is another way to bring files; see ``CloneFiles``.
public struct CloneOperation: Sendable {
    public let source: DeltaTable
    public let target: DeltaTable
    public let options: CloneOptions
    /// Bytes of actions from which on the commit is written in parts.
    var commitBuffer = PackedActions.largestPiece

    public init(source: DeltaTable, target: DeltaTable, options: CloneOptions) {
        self.source = source
        self.target = target
        self.options = options
    }

    /// Throws ``DeltaError/invalidRequest(reason:)`` where the target is something that must not be overwritten, ``DeltaError/missingDataFiles(version:paths:count:)``
    /// where files of an older version are gone. On an error nothing has been committed, but for ``DeltaError/commitOutcomeUnknown(version:reason:)``, and what
    /// was copied is removed.
    public func run(progress: @escaping ProgressReporter = { _ in }) async throws -> CloneResult {
        try checkPlaces()
        // A time means a version once and for all, and so does the latest one: tries that follow copy no other.
        let version: Int64? =
            switch options.version {
            case .latest: nil
            case let .version(version): version
            case let .timestamp(time): try await source.version(at: time)
            }
        let snapshot = try await source.snapshot(version: version)
        try snapshot.require(.clone)
        return try await ConflictRetry.run(target.environment, maximumTries: options.maximumTries, doing: "CLONE") { tries in
            let staged = StagedFiles(store: target.store, logger: target.environment.logger)
            do {
                var result = try await DeltaError.wrapping { try await runOnce(snapshot, staged, progress) }
                result.tries = tries
                return result
            } catch {
                if !StagedFiles.mayBeCommitted(after: error) { await staged.discard() }
                throw error
            }
        }
    }

    /// One inside of the other would be vacuumed with it.
    private func checkPlaces() throws(DeltaError) {
        guard let from = try? TableLocation(source.location), let to = try? TableLocation(target.location) else { return }
        if from == to { throw .invalidRequest(reason: "\(source.location) cannot be cloned into itself; to go back to an older version, restore it") }
        if from.isInside(to) || to.isInside(from) {
            throw .invalidRequest(
                reason: "\(source.location) and \(target.location) lie one inside of the other: a vacuum of the outer one would take the inner one's files")
        }
    }

    private func runOnce(_ source: Snapshot, _ staged: StagedFiles, _ progress: @escaping ProgressReporter) async throws -> CloneResult {
        progress(OperationProgress(phase: .planning))
        let place = try await CloneTarget.find(target, source: self.source, sourceId: source.metadata.id, replace: options.replace)
        var result = CloneResult(version: nil, sourceVersion: source.version, alreadyApplied: false, tries: 1, metrics: CloneMetrics())
        if let snapshot = place.snapshot {
            try snapshot.require(.clone)
            if let done = try options.conditions.versionApplied(in: snapshot) {
                result.version = done
                result.alreadyApplied = true
                // The run that did it may have come to no further end.
                if options.mode == .deep, !options.dryRun { await CloneTarget.end(target) }
                return result
            }
        } else if let expected = options.conditions.expectedVersion {
            throw DeltaError.versionMismatch(expected: expected, actual: -1)
        }
        let now = target.environment.clock.now()
        let state = CloneState(
            of: source, for: place.snapshot, id: UUID.v4(target.environment.random).description, createdTime: now.milliseconds)
        let plan = try ClonePlan(source: source, target: place.snapshot, isSameClone: place.isSameClone, mode: options.mode) { path throws(DeltaError) in
            try self.source.files.absolute(path).encoded
        }
        try await requireFiles(of: source, progress)
        result.metrics = metrics(plan)
        FaultPoint.hit("clone.planned")
        if options.dryRun { return result }

        if options.mode == .shallow { try await CloneMarker.write(for: state.metadata.id, at: target, in: self.source, version: source.version) }
        if place.snapshot == nil, options.mode == .deep { try await CloneTarget.begin(target, sourceId: source.metadata.id) }
        FaultPoint.hit("clone.marked")
        let (actions, brought) = try await bring(plan, staged, &result.metrics, progress)
        if options.conditions.verifiesRows {
            let verification = CloneVerification(source: self.source, snapshot: source, target: target, staged: staged, progress: progress)
            switch options.mode {
            case .deep: try await verification.compareRows(brought)
            case .shallow: try await verification.readRows(brought)
            }
        }
        if place.snapshot != nil, actions.isEmpty, state.changesNothing {
            await CloneTarget.end(target)
            return result
        }
        FaultPoint.hit("clone.copied")
        progress(OperationProgress(phase: .committing))
        switch try await transaction(source, place.snapshot, state, actions, result.metrics).commit() {
        case let .committed(commit):
            FaultPoint.hit("clone.committed")
            result.version = commit.version
            result.verification = Verification(staged: staged.verified, table: commit.verified)
        case .alreadyApplied:
            // Somebody else ran the same operation meanwhile: its files are in the table, these are not needed.
            await staged.discard()
            result.alreadyApplied = true
            result.metrics = CloneMetrics()
        }
        if options.mode == .deep { await CloneTarget.end(target) }
        return result
    }

    /// A clone of an older version may come too late. Copies find out by themselves, but only when some of the work is done.
    private func requireFiles(of snapshot: Snapshot, _ progress: @escaping ProgressReporter) async throws {
        guard options.version != .latest else { return }
        let missing = try await FileSearch(source).missing(snapshot.files.indices, in: snapshot.files, progress: progress).all
        guard missing.isEmpty else {
            throw DeltaError.missingDataFiles(
                version: snapshot.version, paths: missing.prefix(20).map { snapshot.files[$0].path.decoded }, count: missing.count)
        }
    }

    private func metrics(_ plan: ClonePlan) -> CloneMetrics {
        var metrics = CloneMetrics()
        metrics.sourceTableSize = plan.source.sizeInBytes
        metrics.sourceNumOfFiles = Int64(plan.source.numFiles)
        for position in plan.removed {
            metrics.numRemovedFiles += 1
            metrics.removedFilesSize = metrics.removedFilesSize.saturatingAdding(plan.target?.files[position].size ?? 0)
        }
        for position in plan.source.files.indices {
            if plan.counterpart(of: position) != nil {
                metrics.numKeptFiles += 1
            } else if options.mode == .deep {
                metrics.numCopiedFiles += 1
                metrics.copiedFilesSize = metrics.copiedFilesSize.saturatingAdding(plan.source.files[position].size)
            }
        }
        return metrics
    }

    // MARK: Files

    /// Brings the files that the target lacks, and returns what has to be committed of all of them, and the files that the commit adds.
    private func bring(
        _ plan: ClonePlan, _ staged: StagedFiles, _ metrics: inout CloneMetrics, _ progress: @escaping ProgressReporter
    ) async throws -> (actions: PackedActions, brought: [CloneVerification.Pair]) {
        let now = target.environment.clock.now()
        let actions = PackedActionsBuilder(largestPiece: commitBuffer)
        var brought: [CloneVerification.Pair] = []
        if let snapshot = plan.target {
            for position in plan.removed { actions.remove(snapshot.files[position].remove(at: now, dataChange: true)) }
        }
        let copied = CopiedFiles(
            source: source, target: target, staged: staged, known: plan.knownVectors, filesTotal: metrics.numCopiedFiles, bytesTotal: metrics.copiedFilesSize,
            progress: progress)
        let files: any CloneFiles = options.mode == .deep ? copied : ReferredFiles(source: source)
        var upcoming = plan.source.files.indices.makeIterator()
        // What goes through this process is held in pieces.
        let limit = options.mode == .shallow ? 1 : max(1, min(16, Int(clamping: target.environment.memoryBudget / 2 / ObjectCopy.largestBuffer)))
        try await OrderedPipeline(concurrency: limit, maximumWeight: .max).run(
            next: { upcoming.next().map { (job: $0, weight: 1) } },
            body: { position in
                let own = plan.counterpart(of: position)
                return (position: position, own: own, add: try await files.bring(plan.source.files[position], own: own))
            },
            consume: { file in
                var add = file.add
                add.dataChange = true
                if let own = file.own {
                    if add.isSaidBy(own.add) { return }
                    // One path with another vector is another file to the log.
                    if own.deletionVector != add.deletionVector { actions.remove(own.remove(at: now, dataChange: true)) }
                }
                actions.add(add)
                if options.conditions.verifiesRows { brought.append((file.position, add)) }
            })
        if options.mode == .deep {
            (metrics.numCopiedFiles, metrics.copiedFilesSize, metrics.numCopiedDeletionVectorFiles) = copied.metrics
        }
        return (try await actions.finish(), brought)
    }

    // MARK: Committing

    private func transaction(
        _ source: Snapshot, _ snapshot: Snapshot?, _ state: CloneState, _ files: PackedActions, _ metrics: CloneMetrics
    ) -> Transaction {
        let operation = OperationInfo(
            "CLONE",
            parameters: [
                "source": .string(self.source.location), "sourceVersion": .string(String(source.version)),
                "isShallow": .string(String(options.mode == .shallow)),
            ], metrics: JSONObject(metrics.commitMetrics.map { (key: $0.0, value: .string(String($0.1))) }), uid: options.conditions.operationUID,
            provenance: CloneTarget.provenance(source, options.mode))
        // The rows that another writer adds meanwhile are none of the source's.
        var transaction = Transaction(
            table: target, readSnapshot: snapshot, operation: operation, reads: snapshot == nil ? .none : .wholeTable, access: .clone)
        transaction.isolationLevel = .serializable
        if state.changesProtocol { transaction.actions.append(.protocol(state.protocol)) }
        if state.changesMetadata { transaction.actions.append(.metadata(state.metadata)) }
        transaction.actions += state.domains.map(Action.domainMetadata)
        transaction.packed = files
        transaction.looksUpFiles = true
        options.conditions.apply(to: &transaction)
        FaultPoint.hit("clone.beforeCommit")
        return transaction
    }
}
