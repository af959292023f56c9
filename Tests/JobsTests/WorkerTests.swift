import Base
import Columnar
import DeltaEngine
import ObjectStore
import Parquet
import TestSupport
import Testing

@testable import Jobs

/// A table of small files on disk, and a worker beside it.
private final class Workshop: Sendable {
    let directory: TemporaryDirectory
    let stores = StoreFactory(executor: BlockingExecutor(threads: 2, name: "test"))
    let lines = Lock<[String]>([])
    let location: String

    init() throws {
        directory = try TemporaryDirectory()
        location = "file://\(directory.appending("orders"))"
    }

    var table: DeltaTable {
        get throws { DeltaTable(store: try stores.open(TableLocation(location))) }
    }

    var messagePath: String { directory.appending("termination-log") }

    func fill(files: Int) async throws {
        let table = try table
        _ = try await CreateOperation(table: table, options: CreateOptions(schema: Schema([Field("id", .long)]))).run()
        let input = InMemoryStore()
        let path = try ObjectPath("rows.json")
        for file in 0..<files {
            try await input.put(path, Bytes(#"{"id":\#(file)}"#), mode: .overwrite)
            _ = try await WriteOperation(table: table, input: WriteInput(store: input, path: path, format: .jsonLines)).run()
        }
    }

    func task(_ work: any TaskWork, uid: String = "uid-1", version: Int64 = 1, expected: Int64? = nil, dryRun: Bool = false) -> WorkerTask {
        WorkerTask(
            operation: .init(uid: uid, namespace: "lake", name: "run"), location: location, work: work,
            transaction: .init(appId: "levee.dev/lake/orders", version: version), expectedVersion: expected, dryRun: dryRun, memoryLimit: 256 << 20)
    }

    var worker: Worker {
        Worker(
            Worker.Surroundings(stores: stores, engine: EngineEnvironment(), terminationMessagePath: messagePath) { line in
                self.lines.withLock { $0.append(line) }
            })
    }

    func result() throws -> TaskResult {
        try #require(lines.withLock { $0.last }.flatMap { TaskResult(terminationMessage: $0) })
    }

    /// What stands in the file of the termination message.
    func message() async throws -> String {
        try await LocalStore(root: directory.path, executor: BlockingExecutor(threads: 1, name: "test")).get(ObjectPath("termination-log")).text
    }
}

@Suite struct WorkerTests {
    /// Each says what it did, and a dry run what it would do; none changes the table's version.
    @Test(
        arguments: [
            (CheckpointWork(), "would write the checkpoint of version 5", "wrote the checkpoint of version 5", "checkpointVersion", 5),
            (CompactLogWork(), "would compact 6 commits", "compacted 6 commits", "numFilesWritten", 1),
            (LogCleanupWork(), "nothing to remove: no file of the log has expired; versions 0 to 5 can be read", "nothing to remove", "firstVersion", 0),
            (GenerateManifestWork(), "would write 1 manifests of 5 files for version 5", "wrote 1 manifests", "numFiles", 5),
            (ComputeStatisticsWork(), "nothing to do: the statistics of 5 files", "nothing to do", "numFilesConsidered", 5),
        ] as [(any TaskWork, String, String, String, Int64)])
    func theLogsOperationsSayWhatTheyDid(work: any TaskWork, dry: String, done: String, metric: String, value: Int64) async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 5)
        #expect(await workshop.worker.run(workshop.task(work, dryRun: true)) == .success)
        #expect(try workshop.result().message.hasPrefix(dry))
        #expect(await workshop.worker.run(workshop.task(work)) == .success)
        #expect(try workshop.result().message.hasPrefix(done) && workshop.result().metrics[metric] == value)
        #expect(try await workshop.table.latestVersion() == 5)
        #expect(await workshop.worker.run(workshop.task(work, expected: 4)) == .permanent)
    }

    @Test func aTableIsMadeOnceAndOnlyWhereThereIsNone() async throws {
        let workshop = try Workshop()
        let work = CreateTableWork(
            schema: [
                .init(name: "id", type: "bigint", nullable: false, comment: "key"), .init(name: "tags", type: "array<string>"),
                .init(name: "day", type: "date"),
            ],
            partitionBy: ["day"], properties: ["delta.enableChangeDataFeed": "true"], tableName: "orders", description: "what was ordered")
        #expect(await workshop.worker.run(workshop.task(work, dryRun: true)) == .success)
        #expect(try workshop.result().message == "would make \(workshop.table.location) with 3 columns" && workshop.result().version == nil)
        #expect(try await !workshop.table.exists())
        #expect(await workshop.worker.run(workshop.task(work, expected: 3)) == .permanent)
        #expect(await workshop.worker.run(workshop.task(work)) == .success)
        #expect(try workshop.result().version == 0 && workshop.result().message.hasPrefix("made file://"))
        let snapshot = try await workshop.table.snapshot()
        #expect(snapshot.metadata.schema.fields.map(\.name) == ["id", "tags", "day"] && snapshot.metadata.partitionColumns == ["day"])
        #expect(snapshot.metadata.schema["id"]?.type == .long && snapshot.metadata.schema["id"]?.nullable == false)
        #expect(snapshot.metadata.name == "orders" && snapshot.metadata.description == "what was ordered" && snapshot.protocol.minWriterVersion == 4)
        // The same run again is done already; another one finds a table.
        #expect(await workshop.worker.run(workshop.task(work)) == .success)
        #expect(try workshop.result().version == 0 && workshop.result().message.contains("an earlier try"))
        #expect(await workshop.worker.run(workshop.task(work, uid: "uid-2", version: 2)) == .permanent)
        #expect(await workshop.worker.run(workshop.task(work, uid: "uid-2", version: 2, dryRun: true)) == .permanent)
        #expect(try await workshop.table.latestVersion() == 0)
    }

    @Test(arguments: [
        (CreateTableWork(schema: []), "a table needs a column"), (CreateTableWork(schema: [.init(name: "a", type: "money")]), "money"),
        (CreateTableWork(schema: [.init(name: "a b", type: "long")]), "which Delta allows only with column mapping"),
        (CreateTableWork(schema: [.init(name: "a", type: "long")], partitionBy: ["b"]), "the partition column b is not in the schema"),
        (CreateTableWork(schema: [.init(name: "a", type: "long")], properties: ["delta.logRetentionDuration": "30 bananas"]), "30 bananas"),
    ])
    func aTableThatDeltaForbidsIsNotMade(work: CreateTableWork, message: String) async throws {
        let workshop = try Workshop()
        #expect(await workshop.worker.run(workshop.task(work, dryRun: true)) == .permanent)
        #expect(await workshop.worker.run(workshop.task(work)) == .permanent)
        #expect(try workshop.result().message.contains(message))
        #expect(try await !workshop.table.exists())
    }

    @Test func aVacuumGoesByAnInventoryBesideTheTable() async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 2)
        let store = try workshop.stores.open(TableLocation("file://\(workshop.directory.path)"))
        let fields = [Field("path", .string), Field("length", .long), Field("isDir", .boolean), Field("modificationTime", .long)]
        let writer = try ParquetWriter(writer: try await store.write(ObjectPath("inventory.parquet")), schema: Schema(fields))
        let columns = try fields.map { field in
            let builder = ColumnBuilder(type: field.type)
            let value: Scalar =
                switch field.name {
                case "path": .string("orphan.parquet")
                case "isDir": .bool(false)
                default: .integer(1)
                }
            try builder.append(value)
            return builder.finish()
        }
        try await writer.write(try ColumnBatch(schema: Schema(fields), columns: columns, rowCount: 1))
        _ = try await writer.finish()
        let work = VacuumWork(inventory: "file://\(workshop.directory.path)/inventory.parquet")
        #expect(await workshop.worker.run(workshop.task(work, dryRun: true)) == .success)
        #expect(try workshop.result().metrics["numFilesToDelete"] == 1)
        #expect(await workshop.worker.run(workshop.task(VacuumWork(lite: true, inventory: "file:///i"))) == .permanent)
    }

    /// A worker opens what its storage profile's root covers, and nothing else that a task or a table's log names.
    @Test func aWorkerStaysBelowItsRoot() async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 3)
        let root = "file://\(workshop.directory.path)"
        func run(_ work: any TaskWork, root: String?, location: String? = nil, uid: String = "uid-1") async -> WorkerExit {
            var task = workshop.task(work, uid: uid)
            task.root = root
            if uid != "uid-1" { task.transaction = nil }
            task.location = location ?? task.location
            return await workshop.worker.run(task)
        }
        let shallow = CloneWork(target: "\(root)/shallow", mode: "shallow")
        #expect(await run(shallow, root: nil) == .permanent)
        #expect(await run(CloneWork(target: "file:///tmp/elsewhere", mode: "deep"), root: root) == .permanent)
        #expect(try workshop.result().message.contains("covers no more than \(root)"))
        #expect(await run(shallow, root: root) == .success)
        #expect(try workshop.result().message.hasPrefix("cloned version 3 to \(root)/shallow: 3 files"))
        // An earlier try had committed.
        #expect(await run(shallow, root: root) == .success)
        #expect(try workshop.result().message == "an earlier try had committed version 0")
        #expect(await run(OptimizeWork(), root: nil, location: "\(root)/shallow", uid: "uid-2") == .permanent)
        #expect(try workshop.result().message.contains("it lies outside of the table's own directory"))
        #expect(await run(OptimizeWork(), root: root, location: "\(root)/shallow", uid: "uid-2") == .success)

        let hostile = try workshop.stores.open(TableLocation("\(root)/hostile"))
        let log = try await workshop.stores.open(TableLocation(workshop.location)).get(ObjectPath("_delta_log/00000000000000000000.json"))
        let add = #"{"add":{"path":"file:///etc/passwd","partitionValues":{},"size":4,"modificationTime":0,"dataChange":true}}"#
        try await hostile.put(ObjectPath("_delta_log/00000000000000000000.json"), Bytes(log.text + add + "\n"), mode: .overwrite)
        for work in [DeleteWork(condition: "id = 1"), CloneWork(target: "\(root)/copy", mode: "deep"), RepairWork()] as [any TaskWork] {
            #expect(await run(work, root: root, location: "\(root)/hostile") == .permanent)
            #expect(try workshop.result().message.contains("file:///etc/passwd"), "\(work)")
        }
    }

    @Test func aWorkerConverts() async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 2)
        let store = try workshop.stores.open(TableLocation(workshop.location))
        let log = try await store.list(prefix: "_delta_log/", startAfter: nil).all().map(\.path)
        #expect(try await store.delete(log).isEmpty)
        #expect(await workshop.worker.run(workshop.task(ConvertWork(), dryRun: true)) == .success)
        #expect(try workshop.result().message.hasPrefix("would make a table of 2 files"))
        #expect(await workshop.worker.run(workshop.task(ConvertWork())) == .success)
        #expect(try workshop.result().version == 0 && workshop.result().metrics["numRecords"] == 2)
        #expect(await workshop.worker.run(workshop.task(ConvertWork())) == .success)
        #expect(try workshop.result().message.hasSuffix("is a Delta table already"))
    }

    @Test func anOptimizeReportsWhatItDid() async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 5)
        #expect(await workshop.worker.run(workshop.task(OptimizeWork())) == .success)
        let result = try #require(TaskResult(terminationMessage: try await workshop.message()))
        #expect(result.outcome == .succeeded && result.version == 6)
        #expect(result.metrics["numFilesRemoved"] == 5 && result.metrics["numFilesAdded"] == 1)
        #expect(result.message.hasPrefix("merged 5 files"))
        let progress = workshop.lines.withLock { $0.compactMap { TaskProgress(line: $0) } }
        #expect(progress.map(\.step).contains("rewriting"))
        let snapshot = try await workshop.table.snapshot()
        #expect(snapshot.transactionVersion("levee.dev/lake/orders") == 1 && snapshot.commitInfo?.levee?["operationUid"] == "uid-1")
    }

    @Test func aTryAfterTheCommitFindsItAndSaysTheSame() async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 5)
        #expect(await workshop.worker.run(workshop.task(OptimizeWork())) == .success)
        #expect(await workshop.worker.run(workshop.task(OptimizeWork())) == .success)
        let again = try workshop.result()
        #expect(again.version == 6 && again.metrics["numRemovedFiles"] == 5)
        #expect(try await workshop.table.latestVersion() == 6)
    }

    @Test func aLaterRunOfAnotherMakesAnEarlierOneANoOp() async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 5)
        #expect(await workshop.worker.run(workshop.task(OptimizeWork(), uid: "other", version: 9)) == .success)
        #expect(await workshop.worker.run(workshop.task(OptimizeWork(), version: 3)) == .success)
        #expect(try workshop.result().version == nil)
        #expect(try workshop.result().message.contains("already"))
    }

    @Test(
        arguments: [
            OptimizeWork(), VacuumWork(retentionSeconds: 0, allowShortRetention: true), CheckpointWork(),
            DeleteWork(condition: "true"),
        ] as [any TaskWork])
    func aDryRunChangesNothing(work: any TaskWork) async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 3)
        let before = workshop.directory.names(in: "orders") + workshop.directory.names(in: "orders/_delta_log")
        #expect(await workshop.worker.run(workshop.task(work, dryRun: true)) == .success)
        #expect(workshop.directory.names(in: "orders") + workshop.directory.names(in: "orders/_delta_log") == before)
    }

    @Test func vacuumAndCheckpointReport() async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 3)
        _ = await workshop.worker.run(workshop.task(OptimizeWork()))
        #expect(await workshop.worker.run(workshop.task(VacuumWork(retentionSeconds: 0, allowShortRetention: true), uid: "v", version: 2)) == .success)
        #expect(try workshop.result().metrics["numDeletedFiles"] == 3)
        #expect(await workshop.worker.run(workshop.task(CheckpointWork(), uid: "c", version: 3)) == .success)
        #expect(try workshop.result().message.contains("checkpoint of version"))
        #expect(await workshop.worker.run(workshop.task(CheckpointWork(), uid: "c", version: 4)) == .success)
        #expect(try workshop.result().message.contains("already"))
    }

    @Test func aDeleteReportsTheRowsAndIsDoneOnce() async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 3)
        let rows = try #require(try await workshop.table.snapshot().files.numRecords)
        for _ in 0..<2 {
            #expect(await workshop.worker.run(workshop.task(DeleteWork(condition: "true"))) == .success)
            let result = try workshop.result()
            #expect(result.version == 4 && result.metrics["numDeletedRows"] == rows && result.metrics["numRemovedFiles"] == 3)
        }
        #expect(try await workshop.table.snapshot().numFiles == 0)
        #expect(await workshop.worker.run(workshop.task(DeleteWork(condition: "nope = 1"), uid: "d", version: 2)) == .permanent)
        #expect(try workshop.result().message.contains("there is no column"))
    }

    @Test(arguments: [OptimizeWork(), VacuumWork(), CheckpointWork(), DeleteWork(condition: "true")] as [any TaskWork])
    func anotherVersionThanExpectedIsRefusedForGood(work: any TaskWork) async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 3)
        #expect(await workshop.worker.run(workshop.task(work, expected: 1)) == .permanent)
        #expect(try workshop.result().message.contains("expected to be at version 1"))
    }

    @Test func whatIsNoTableFailsForGood() async throws {
        let workshop = try Workshop()
        #expect(await workshop.worker.run(workshop.task(OptimizeWork())) == .permanent)
        #expect(try workshop.result().message.contains("not a Delta table"))
    }

    @Test func aLocationElsewhereFailsForGood() async throws {
        let workshop = try Workshop()
        var task = workshop.task(OptimizeWork())
        task.location = "hdfs://lake/orders"
        #expect(await workshop.worker.run(task) == .permanent)
    }

    @Test func aCancelledWorkerCommitsNothingAndLeavesNothing() async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 20)
        let before = workshop.directory.names(in: "orders")
        let work = Task { await workshop.worker.run(workshop.task(OptimizeWork())) }
        work.cancel()
        #expect(await work.value == .cancelled)
        #expect(try await workshop.table.latestVersion() == 20)
        #expect(workshop.directory.names(in: "orders") == before)
        #expect(try workshop.result().outcome == .cancelled)
    }

    @Test func aTaskThatIsNoneIsReportedToo() async throws {
        let workshop = try Workshop()
        #expect(workshop.worker.refuse(.badTask(reason: "no JSON")) == .permanent)
        #expect(try await workshop.message().contains("no JSON"))
    }

    @Test func aResultThatCannotBeWrittenStillEndsWell() async throws {
        let workshop = try Workshop()
        try await workshop.fill(files: 2)
        let worker = Worker(
            Worker.Surroundings(stores: workshop.stores, engine: EngineEnvironment(), terminationMessagePath: workshop.directory.appending("no/where")) { _ in }
        )
        #expect(await worker.run(workshop.task(OptimizeWork())) == .success)
    }
}
