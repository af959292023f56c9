import Base
import Columnar
import DeltaEngine
import ObjectStore
import TestSupport
import Testing

@testable import Jobs

/// Takes every put, whatever its condition.
private struct OverwritingStore: ObjectStore {
    let store = InMemoryStore()

    var rootDescription: String { store.rootDescription }
    func head(_ path: ObjectPath) async throws -> ObjectInfo { try await store.head(path) }
    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes { try await store.get(path, range: range) }
    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] { try await store.get(path, ranges: ranges) }
    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws { try await store.put(path, bytes, mode: .overwrite) }
    func write(_ path: ObjectPath) async throws -> any ObjectWriter { try await store.write(path) }
    func list(prefix: String, startAfter: String?) -> any ObjectListing { store.list(prefix: prefix, startAfter: startAfter) }
    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] { try await store.delete(paths) }
}

@Suite struct StorageProbeTests {
    private static func names(_ store: some ObjectStore) async throws -> [ObjectInfo] { try await store.list(prefix: "", startAfter: nil).next() ?? [] }

    @Test func goodStoragePassesAndNothingIsLeftInIt() async throws {
        let store = InMemoryStore()
        try await StorageProbe(root: TableLocation("s3://lake/x"), store: store).run(name: "n")
        #expect(try await Self.names(store).isEmpty)
    }

    @Test func aStoreThatIgnoresConditionsIsFoundOut() async throws {
        let store = OverwritingStore()
        let failure = await #expect(throws: ProbeFailure.self) { try await StorageProbe(root: TableLocation("s3://lake/x"), store: store).run(name: "n") }
        #expect(failure?.reason == .noConditionalWrites && failure?.mayPass == false)
        #expect(try await Self.names(store.store).isEmpty)
    }

    @Test(arguments: [
        (ObjectStoreError.invalidCredentials(path: "p", message: "m"), ProbeFailure.Reason.invalidCredentials, false),
        (.permissionDenied(path: "p", operation: "o"), .permissionDenied, false),
        (.containerNotFound(path: "p", message: "m"), .unreachable, false),
        (.noConditionalWrites(location: "l"), .noConditionalWrites, false),
        (.failed(path: "p", operation: "o", message: "refused", retryable: true), .unreachable, true),
        (.failed(path: "p", operation: "o", message: "tls", retryable: false), .unreachable, true),
        (.outOfSpace(path: "p"), .outOfSpace, false),
        (.unsupportedLocation(location: "l", reason: "r"), .unsupportedLocation, false),
        (.notFound(path: "p"), .storageFailed, true),
    ])
    func errorsOfStoresBecomeReasons(error: ObjectStoreError, reason: ProbeFailure.Reason, mayPass: Bool) {
        #expect(ProbeFailure(error) == ProbeFailure(reason: reason, message: error.description, mayPass: mayPass))
    }
}

@Suite struct CommittingEngineTests {
    @Test(
        arguments: [
            ("Levee/0.1.0", true), ("delta-rs:py-1.6.6", true), ("delta-rs:py-1.0.0", true), ("delta-rs:py-0.25.5", false), ("delta-rs:0.26.0", true),
            ("delta-rs:0.25.1", false), ("delta-rs:1.0.0", true), ("delta-rs:py-", false), ("delta-rs:", false), ("delta-rs:py-x.y", false),
            ("Apache-Spark/3.5.0 Delta-Lake/3.2.0", false), ("Databricks-Runtime/15.4.x-scala2.12", false), ("Kernel-4.0.0/Flink", false), ("Trino", false),
            ("Leveed/1", false), ("", false), (nil, false),
        ] as [(String?, Bool)])
    func enginesAreKnownByWhatTheyCallThemselves(engine: String?, isSafe: Bool) {
        #expect(CommittingEngine.usesConditionalPuts(engine) == isSafe)
    }

    private static func task(_ location: String, dryRun: Bool = false) -> WorkerTask {
        WorkerTask(
            operation: .init(uid: "u", namespace: "n", name: "o"), location: location,
            storage: .init(options: [:], usesPodIdentity: false, refusesUnsafeWriters: true), work: CheckpointWork(), dryRun: dryRun)
    }

    /// The worker's own look: where only pods reach the table, nobody else can.
    @Test(arguments: [("Apache-Spark/3.5.0 Delta-Lake/3.2.0", false, WorkerExit.permanent), ("Levee/1.0", false, .success), ("Spark", true, .success)])
    func aWorkerCommitsNothingBehindAnUnsafeWriter(engine: String, dryRun: Bool, exit: WorkerExit) async throws {
        let directory = try TemporaryDirectory()
        let location = "file://\(directory.appending("orders"))"
        let stores = StoreFactory(executor: BlockingExecutor(threads: 2, name: "test"))
        let engineInfo = EngineEnvironment(engineInfo: engine)
        let table = DeltaTable(store: try stores.open(TableLocation(location)), environment: engineInfo)
        _ = try await CreateOperation(table: table, options: CreateOptions(schema: Schema([Field("id", .long)]))).run()
        let lines = Lock<[String]>([])
        let worker = Worker(
            .init(stores: stores, engine: EngineEnvironment(), terminationMessagePath: directory.appending("message")) { line in
                lines.withLock { $0.append(line) }
            })
        #expect(await worker.run(Self.task(location, dryRun: dryRun)) == exit)
        guard exit == .permanent else { return }
        let result = try #require(lines.withLock { $0.last }.flatMap { TaskResult(terminationMessage: $0) })
        #expect(result.reason == "UnsafeConcurrentWriter" && result.message.contains(engine) && result.message.contains("s3.concurrentWriters"))
    }
}

@Suite struct ProbeTaskTests {
    @Test(arguments: [
        (ObjectStoreError.invalidCredentials(path: "p", message: "m"), TaskResult.Outcome.retryable),
        (.permissionDenied(path: "p", operation: "o"), .permanent),
        (.failed(path: "p", operation: "o", message: "m", retryable: true), .retryable), (.noConditionalWrites(location: "l"), .permanent),
    ])
    func whatCannotBeMendedIsNotTriedAgain(error: ObjectStoreError, outcome: TaskResult.Outcome) {
        #expect(TaskResult(failure: error).outcome == outcome)
        #expect(TaskResult(failure: DeltaError.storage(error)).outcome == outcome)
    }

    @Test(arguments: [(true, WorkerExit.success, "Probed"), (false, .permanent, "Unreachable")])
    func aWorkerProbes(exists: Bool, exit: WorkerExit, reason: String) async throws {
        let directory = try TemporaryDirectory()
        let lines = Lock<[String]>([])
        let worker = Worker(
            .init(
                stores: StoreFactory(executor: BlockingExecutor(threads: 2, name: "test")), engine: EngineEnvironment(),
                terminationMessagePath: directory.appending("message")
            ) { line in lines.withLock { $0.append(line) } })
        let root = exists ? directory.path : directory.appending("missing")
        let task = WorkerTask(operation: .init(uid: "u", namespace: "n", name: "lake"), location: "file://\(root)", work: ProbeWork(name: "p"))
        #expect(await worker.run(task) == exit)
        #expect(lines.withLock { $0.last }.flatMap { TaskResult(terminationMessage: $0) }?.reason == reason)
    }
}
