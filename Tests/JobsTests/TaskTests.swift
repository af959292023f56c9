import Base
import Jobs
import Testing

@Suite struct TaskTests {
    static let operation = WorkerTask.OperationIdentity(uid: "0b6f", namespace: "lake", name: "orders-optimize-1")

    @Test(
        arguments: [
            OptimizeWork(targetFileSize: 1 << 28, condition: "day >= '2026-01-01'", maximumBytes: 5),
            OptimizeWork(),
            VacuumWork(retentionSeconds: 604_800, allowShortRetention: true),
            CheckpointWork(), DeleteWork(condition: "customer = 'O''Hara'"), ProbeWork(name: "p"),
            VacuumWork(inventory: "s3://lake/inventory.parquet"), CompactLogWork(), CompactLogWork(from: 3, to: 9), LogCleanupWork(),
            ComputeStatisticsWork(condition: "day > '2026-01-01'", missingOnly: true), GenerateManifestWork(),
            CloneWork(target: "s3://lake/copy", mode: "deep", timestamp: Timestamp(milliseconds: 1_700_000_000_000), replace: true),
            CloneWork(target: "s3://lake/copy", mode: "shallow", version: 3), ConvertWork(), ConvertWork(partitionBy: ["day date"], mapsNames: true),
            SetPropertiesWork(set: ["a": "b"], unset: ["c"]),
            CreateTableWork(schema: [.init(name: "id", type: "long", nullable: false, comment: "key")], clusterBy: ["id"], properties: ["a": "b"]),
            VacuumWork(keepFor: ["s3://lake/clone"], forgetClones: ["s3://lake/gone"]),
        ] as [any TaskWork])
    func tasksSurviveTheirJSON(work: any TaskWork) throws {
        let task = WorkerTask(
            operation: Self.operation, location: "s3://lake/orders",
            storage: .init(options: ["aws_region": "eu-1"], usesPodIdentity: false, refusesUnsafeWriters: true), work: work,
            transaction: .init(appId: "levee.dev/lake/orders", version: 7),
            expectedVersion: 412, dryRun: true, memoryLimit: 1 << 30)
        #expect(try WorkerTask(json: Bytes(task.json())) == task)
    }

    @Test(arguments: [
        "", "[]", "{", #"{"operation":{"uid":"u","namespace":"n","name":"o"},"location":"file:///t","work":{},"dryRun":false}"#,
        #"{"operation":{"uid":"u","namespace":"n","name":"o"},"location":"file:///t","work":{"delete":{}},"dryRun":false}"#,
        #"{"operation":{"uid":"u","namespace":"n","name":"o"},"location":"file:///t","work":{"reindex":{}},"dryRun":false}"#,
        #"{"operation":{"uid":"u","namespace":"n","name":"o"},"location":"file:///t","work":{"optimize":{},"vacuum":{"allowShortRetention":false}},"dryRun":false}"#,
    ])
    func tasksThatAreNoneAreRefused(text: String) {
        #expect(throws: WorkerError.self) { try WorkerTask(json: Bytes(text)) }
    }

    @Test func resultsSurviveTheirJSON() throws {
        let result = TaskResult(outcome: .succeeded, message: "merged 300 files into 1", version: 301, metrics: ["numRemovedFiles": 300, "numAddedFiles": 1])
        #expect(TaskResult(terminationMessage: try result.encoded()) == result)
    }

    @Test(arguments: ["x", "\u{1}", "é", "👩‍👩‍👧‍👦"])
    func resultsFitATerminationMessage(character: String) throws {
        let metrics = Dictionary(uniqueKeysWithValues: (0..<200).map { ("metric\($0)", Int64.max) })
        let result = TaskResult(outcome: .permanent, message: String(repeating: character, count: 10_000), metrics: metrics)
        let encoded = try result.encoded()
        #expect(encoded.utf8.count <= TaskResult.maximumEncodedLength)
        #expect(TaskResult(terminationMessage: encoded)?.outcome == .permanent)
    }

    @Test(arguments: ["", "{", "killed", #"{"outcome":"exploded","message":"","metrics":{}}"#])
    func messagesThatAreNoResultAreNone(text: String) {
        #expect(TaskResult(terminationMessage: text) == nil)
    }

    @Test func progressSurvivesItsLine() {
        let progress = TaskProgress(step: "rewriting \"files\"", filesDone: 120, filesTotal: 400, bytesDone: 1 << 40, bytesTotal: 1 << 41)
        #expect(TaskProgress(line: progress.line) == progress)
        #expect(!progress.line.contains("\n"))
        #expect(progress.summary == "120/400 files")
    }

    @Test(arguments: ["", "hello", #"{"levee":"progress","#, #"{"levee":"result","step":"x"}"#])
    func linesThatAreNoProgressAreNone(line: String) {
        #expect(TaskProgress(line: line) == nil)
    }

    @Test func exitCodesAreThoseThatTheJobKnows() {
        let codes = [TaskResult.Outcome.succeeded, .retryable, .permanent, .cancelled].map { WorkerExit($0).rawValue }
        #expect(codes == [0, 3, 4, 143])
    }
}
