import Base
import DeltaEngine
import ObjectStore

/// Carries out one task, as the program of a worker's pod: progress goes out line by line, the result into the termination message.
public struct Worker: Sendable {
    /// What the worker has around it.
    public struct Surroundings: Sendable {
        /// Opens stores with other options for each task.
        public var stores: StoreFactory
        /// The process's environment variables: where credentials are mounted, and what tells of the pod's own identity.
        public var environment: [String: String]
        /// Its memory budget is cut to the task's limit.
        public var engine: EngineEnvironment
        /// Takes one line of the pod's log, without its end.
        public var print: @Sendable (String) -> Void
        /// Where the result goes; Kubernetes puts it into the pod's status.
        public var terminationMessagePath: String

        public init(
            stores: StoreFactory, environment: [String: String] = [:], engine: EngineEnvironment, terminationMessagePath: String,
            print: @escaping @Sendable (String) -> Void
        ) {
            self.stores = stores
            self.environment = environment
            self.engine = engine
            self.terminationMessagePath = terminationMessagePath
            self.print = print
        }
    }

    /// The part of a limit that the engine may plan with; the rest is for the process itself, and for what an allocator leaves unused.
    private static let engineShare: Int64 = 2

    private let surroundings: Surroundings

    public init(_ surroundings: Surroundings) { self.surroundings = surroundings }

    /// Runs the task to its end. Cancelling the Swift task ends it cleanly: nothing is committed, and what was staged is removed.
    public func run(_ task: WorkerTask) async -> WorkerExit {
        FaultPoint.hit("worker.started")
        let result: TaskResult
        do {
            result = try await carryOut(task)
        } catch {
            result = TaskResult(failure: error)
        }
        FaultPoint.hit("worker.finished")
        report(result)
        FaultPoint.hit("worker.reported")
        return WorkerExit(result.outcome)
    }

    /// Reports that there was no task to run.
    public func refuse(_ error: WorkerError) -> WorkerExit {
        report(TaskResult(failure: error))
        return .permanent
    }

    private func carryOut(_ task: WorkerTask) async throws -> TaskResult {
        var engine = surroundings.engine
        if let limit = task.memoryLimit { engine.memoryBudget = min(engine.memoryBudget, limit / Self.engineShare) }
        let location = try TableLocation(task.location)
        let options = try WorkerStorage.options(task.storage, environment: surroundings.environment)
        let stores = surroundings.stores.with(options)
        let store = try stores.open(location)
        if let root = try task.root.map({ text throws(ObjectStoreError) in try TableLocation(text) }) {
            engine.outside = OutsideStores(below: [root], reason: "the storage profile covers no more than \(root)") {
                (location: TableLocation) throws(ObjectStoreError) in
                try stores.open(location)
            }
        }
        let progress = ProgressPrinter(clock: engine.clock, print: surroundings.print)
        let run = TaskRun(task: task, location: location, store: store, environment: engine, progress: progress.show, open: stores.open)
        let work = task.work.value
        if task.storage?.refusesUnsafeWriters == true, !task.dryRun, type(of: work).commits {
            try await refuseUnsafeWriters(of: try work.committed(run), now: engine.clock.now())
        }
        return try await work.run(run)
    }

    private func refuseUnsafeWriters(of table: DeltaTable, now: Timestamp) async throws {
        // A table that is yet to come about has no other writers.
        guard try await table.exists() else { return }
        let history = try await table.history(limit: CommittingEngine.searchedCommits)
        guard let commit = CommittingEngine.unsafeCommit(in: history, now: now) else { return }
        throw WorkerError.unsafeWriter(reason: CommittingEngine.refusal(engine: commit.commitInfo?.engineInfo, version: commit.version))
    }

    private func report(_ result: TaskResult) {
        do {
            let text = try result.encoded()
            surroundings.print(text)
            try TerminationMessage.write(text, to: surroundings.terminationMessagePath)
        } catch {
            // The exit code still tells the operator how it ended, and the table what was committed.
            surroundings.engine.logger.error("the result could not be written", ["path": surroundings.terminationMessagePath, "error": "\(error)"])
        }
    }
}

extension TaskResult {
    /// What an error means for a retry.
    init(failure error: any Error) {
        switch error {
        case is CancellationError: self.init(outcome: .cancelled, message: "ended by a signal; nothing was committed")
        // A rotated secret reaches a running pod's files a minute late; the next pod has it from the start.
        case DeltaError.storage(.invalidCredentials), ObjectStoreError.invalidCredentials:
            self.init(outcome: .retryable, message: "\(error)", reason: ProbeFailure.Reason.invalidCredentials.rawValue)
        case let error as DeltaError: self.init(outcome: error.kind == .retryable ? .retryable : .permanent, message: error.description)
        case let error as ObjectStoreError: self.init(outcome: error.isRetryable ? .retryable : .permanent, message: error.description)
        case let error as ProbeFailure:
            self.init(outcome: error.mayPass ? .retryable : .permanent, message: error.message, reason: error.reason.rawValue)
        case .unsafeWriter(let reason) as WorkerError: self.init(outcome: .permanent, message: reason, reason: "UnsafeConcurrentWriter")
        case let error as WorkerError: self.init(outcome: .permanent, message: error.description)
        default: self.init(outcome: .retryable, message: "\(error)")
        }
    }
}

/// Prints progress as it changes, a few times a second at most.
private final class ProgressPrinter: Sendable {
    private static let interval = Duration.milliseconds(300)

    private let clock: any WallClock
    private let print: @Sendable (String) -> Void
    private let last = Lock<(time: Timestamp, step: String)?>(nil)

    init(clock: any WallClock, print: @escaping @Sendable (String) -> Void) {
        self.clock = clock
        self.print = print
    }

    func show(_ progress: OperationProgress) {
        let now = clock.now()
        let step = progress.phase.rawValue
        let isDue = last.withLock { last in
            if let last, last.step == step, now - last.time < Self.interval { return false }
            last = (now, step)
            return true
        }
        guard isDue else { return }
        print(
            TaskProgress(
                step: step, filesDone: progress.filesDone, filesTotal: progress.filesTotal, bytesDone: progress.bytesDone, bytesTotal: progress.bytesTotal
            ).line)
    }
}
