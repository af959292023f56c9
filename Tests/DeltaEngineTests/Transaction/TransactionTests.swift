import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct TransactionTests {
    private func transaction(
        _ table: DeltaTable, _ snapshot: Snapshot?, reads: ReadSet = .none, _ actions: [Action]
    ) -> Transaction {
        Transaction(table: table, readSnapshot: snapshot, operation: OperationInfo("WRITE", parameters: ["mode": "Append"]), reads: reads, actions: actions)
    }

    private func committed(_ result: CommitResult) throws -> CommitResult.Commit {
        guard case let .committed(commit) = result else { throw DeltaError.invalidRequest(reason: "nothing was committed") }
        return commit
    }

    @Test func createsATableOnce() async throws {
        let log = LogFixture()
        let metadata = TableMetadata(id: "x", schema: try SchemaJSON.parse(LogFixture.schemaString))
        let actions: [Action] = [.protocol(ProtocolAction(minReaderVersion: 1, minWriterVersion: 2)), .metadata(metadata)]
        #expect(try await transaction(log.table, nil, actions).commit().version == 0)
        let snapshot = try await log.table.snapshot()
        #expect(snapshot.metadata == metadata)
        #expect(snapshot.commitInfo?.readVersion == nil)
        await #expect(throws: DeltaError.tableExists(location: "memory:///")) { try await transaction(log.table, nil, actions).commit() }
        await #expect(throws: DeltaError.self) { try await transaction(log.table, nil, []).commit() }
    }

    @Test func commitInfoIsAsSparkWritesIt() async throws {
        let log = LogFixture()
        try await log.create()
        let snapshot = try await log.table.snapshot()
        var append = transaction(log.table, snapshot, [.add(LogFixture.file("a"))])
        append.operation.metrics = ["numFiles": 1, "numOutputRows": "7"]
        append.operation.uid = "u-1"
        let commit = try committed(try await append.commit())
        #expect(commit.version == 1)
        let lines = try await log.text(LogFileName.commitPath(1)).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(
            try JSON.parse(String(lines[0])) == [
                "commitInfo": [
                    "timestamp": .integer(log.clock.now().milliseconds), "operation": "WRITE", "operationParameters": ["mode": "Append"],
                    "readVersion": 0, "isolationLevel": "WriteSerializable", "isBlindAppend": true,
                    "operationMetrics": ["numFiles": "1", "numOutputRows": "7"], "engineInfo": "Levee/0.1.0", "txnId": .string(commit.txnId),
                    "levee": ["operationUid": "u-1"],
                ]
            ])
        #expect(
            String(lines[1]) == #"{"add":{"path":"a","partitionValues":{},"size":10,"modificationTime":1700000000000,"dataChange":true}}"#)
    }

    @Test func aLostRaceIsRebased() async throws {
        let log = LogFixture()
        try await log.create()
        let snapshot = try await log.table.snapshot()
        for version in 1...3 { try await log.commit(Int64(version), [LogFixture.add("other\(version)")]) }
        let commit = try committed(try await transaction(log.table, snapshot, [.add(LogFixture.file("mine"))]).commit())
        #expect(commit.version == 4)
        #expect(commit.attempts == 2)
        #expect(try await log.table.snapshot().paths == ["mine", "other1", "other2", "other3"])
    }

    @Test func aTransactionIdentifierMakesARetryANoOp() async throws {
        let log = LogFixture()
        try await log.create()
        let before = try await log.table.snapshot()
        var first = transaction(log.table, before, [.add(LogFixture.file("a"))])
        first.setTransaction(appId: "job", version: 3)
        #expect(try await first.commit().version == 1)
        // From the old snapshot the race is lost, and the winner turns out to be the same work.
        var retried = transaction(log.table, before, [.add(LogFixture.file("b"))])
        retried.setTransaction(appId: "job", version: 3)
        #expect(try await retried.commit() == .alreadyApplied(appId: "job", version: 3))
        // From the new one it is seen at once; an older version counts as done, too.
        var later = transaction(log.table, try await log.table.snapshot(), [.add(LogFixture.file("c"))])
        later.setTransaction(appId: "job", version: 2)
        #expect(try await later.commit() == .alreadyApplied(appId: "job", version: 3))
        later.setTransaction(appId: "job", version: 4)
        #expect(try await later.commit().version == 2)
        #expect(try await log.table.snapshot().paths == ["a", "c"])
        // Somebody else's run under the same id, but older, is a conflict.
        var behind = transaction(log.table, before, [.add(LogFixture.file("d"))])
        behind.setTransaction(appId: "job", version: 9)
        await #expect(throws: DeltaError.commitConflict(version: 1, winner: 1, conflict: .transactionIdentifier(appId: "job"))) { try await behind.commit() }
    }

    // MARK: Conflicts

    struct Race: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// What the transaction does, and what it has read; the table holds `x` and `y`.
        let mine: [Action]
        var reads: ReadSet = .none
        var isolation: IsolationLevel?
        /// The lines of the commit that is faster.
        let winner: [String]
        let conflict: DeltaError.Conflict?
    }

    private static let blind = #"{"commitInfo":{"isBlindAppend":true}}"#
    private static let deleted = Action.remove(RemoveFile(path: DataPath(encoded: "x"), deletionTimestamp: 1, dataChange: true))
    private static let rewritten: [Action] = [
        .remove(RemoveFile(path: DataPath(encoded: "x"), deletionTimestamp: 1, dataChange: false)), .add(LogFixture.file("x2", dataChange: false)),
    ]
    private static let append: [Action] = [.add(LogFixture.file("n"))]

    static let races: [Race] = [
        Race(testDescription: "append, append", mine: append, winner: [LogFixture.add("w")], conflict: nil),
        Race(testDescription: "append, delete", mine: append, winner: [LogFixture.remove("x")], conflict: nil),
        Race(
            testDescription: "append, optimize", mine: append, winner: [LogFixture.remove("x", dataChange: false), LogFixture.add("w", dataChange: false)],
            conflict: nil),
        Race(testDescription: "append, metadata", mine: append, winner: [LogFixture.metadata()], conflict: .metadataChanged),
        Race(testDescription: "append, protocol", mine: append, winner: [#"{"protocol":{"minReaderVersion":1,"minWriterVersion":4}}"#], conflict: nil),
        Race(
            testDescription: "append, protocol beyond Levee", mine: append, winner: [#"{"protocol":{"minReaderVersion":1,"minWriterVersion":8}}"#],
            conflict: .protocolChanged),
        Race(testDescription: "optimize, append", mine: rewritten, reads: .files(["x"]), winner: [LogFixture.add("w")], conflict: nil),
        Race(
            testDescription: "optimize, delete elsewhere", mine: rewritten, reads: .files(["x"]), winner: [LogFixture.remove("y"), LogFixture.add("y2")],
            conflict: nil),
        Race(
            testDescription: "optimize, delete of its file", mine: rewritten, reads: .files(["x"]), winner: [LogFixture.remove("x")],
            conflict: .removedTwice(path: "x")),
        Race(
            testDescription: "optimize, deletion vector on its file", mine: rewritten, reads: .files(["x"]),
            winner: [LogFixture.remove("x"), LogFixture.add("x", vector: "ab^-aqEH.-t@S}K{vb[*k^")], conflict: .removedTwice(path: "x")),
        Race(
            testDescription: "optimize, optimize of the same", mine: rewritten, reads: .files(["x"]),
            winner: [LogFixture.remove("x", dataChange: false), LogFixture.add("w", dataChange: false)], conflict: .removedTwice(path: "x")),
        Race(
            testDescription: "read file removed", mine: append, reads: .files(["y"]), winner: [LogFixture.remove("y")],
            conflict: .removedReadFile(path: "y")),
        Race(testDescription: "delete, blind append", mine: [deleted], reads: .wholeTable, winner: [blind, LogFixture.add("w")], conflict: nil),
        Race(
            testDescription: "delete, blind append, serializable", mine: [deleted], reads: .wholeTable, isolation: .serializable,
            winner: [blind, LogFixture.add("w")], conflict: .addedFile(path: "w")),
        Race(
            testDescription: "delete, append that had read", mine: [deleted], reads: .wholeTable, winner: [LogFixture.add("w")],
            conflict: .addedFile(path: "w")),
        Race(
            testDescription: "delete, rearranged", mine: [deleted], reads: .files(["x"]),
            winner: [LogFixture.remove("y", dataChange: false), LogFixture.add("w", dataChange: false)], conflict: nil),
        Race(
            testDescription: "predicate misses the addition", mine: [deleted], reads: .matching(files: ["x"]) { $0.path.encoded.hasPrefix("z") },
            winner: [LogFixture.add("w")], conflict: nil),
        Race(
            testDescription: "predicate meets the addition", mine: [deleted], reads: .matching(files: ["x"]) { $0.path.encoded.hasPrefix("w") },
            winner: [LogFixture.add("w")], conflict: .addedFile(path: "w")),
        Race(
            testDescription: "metadata, blind append", mine: [.metadata(changed)], reads: .wholeTable, winner: [blind, LogFixture.add("w")],
            conflict: .addedFile(path: "w")),
        Race(
            testDescription: "same domain", mine: [.domainMetadata(DomainMetadata(domain: "d", configuration: "", removed: false))],
            winner: [#"{"domainMetadata":{"domain":"d","configuration":"","removed":false}}"#], conflict: .metadataDomain(domain: "d")),
    ]

    private static let changed = TableMetadata(
        id: "11111111-2222-4333-8444-555555555555", schema: (try? SchemaJSON.parse(LogFixture.schemaString)) ?? Schema([]))

    @Test(arguments: races)
    func conflictRules(_ race: Race) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("x"), LogFixture.add("y")])
        let snapshot = try await log.table.snapshot()
        try await log.commit(2, race.winner)
        var mine = transaction(log.table, snapshot, reads: race.reads, race.mine)
        mine.isolationLevel = race.isolation
        if let conflict = race.conflict {
            let attempt = mine
            await #expect(throws: DeltaError.commitConflict(version: 2, winner: 2, conflict: conflict)) { try await attempt.commit() }
            #expect(try await log.table.latestVersion() == 2)
        } else {
            #expect(try await mine.commit().version == 3)
        }
    }

    @Test func appendOnlyIsKept() async throws {
        let log = LogFixture()
        try await log.create(configuration: ["delta.appendOnly": "true"])
        try await log.commit(1, [LogFixture.add("x")])
        let snapshot = try await log.table.snapshot()
        await #expect(throws: DeltaError.self) { try await transaction(log.table, snapshot, [Self.deleted]).commit() }
        #expect(try await transaction(log.table, snapshot, Self.rewritten).commit().version == 2)
    }

    @Test func aFileTwiceInOneCommitIsRefused() async throws {
        let log = LogFixture()
        try await log.create()
        let snapshot = try await log.table.snapshot()
        await #expect(throws: DeltaError.self) {
            try await transaction(log.table, snapshot, [.add(LogFixture.file("a%20b")), .add(LogFixture.file("a b"))]).commit()
        }
    }

    // MARK: Failing stores

    @Test func anAnswerThatGotLostIsFoundAgain() async throws {
        let log = LogFixture()
        try await log.create()
        let timeout = ObjectStoreError.failed(path: "x", operation: "put", message: "timed out", retryable: true)
        let store = FaultInjectingStore(wrapping: log.store) { $0.operation == .put ? .answerLost(timeout) : nil }
        let table = log.table(through: store)
        #expect(try await transaction(table, try await table.snapshot(), [.add(LogFixture.file("a"))]).commit().version == 1)
        #expect(try await log.table.latestVersion() == 1)
    }

    @Test func aFailedPutIsTriedAgainWhileItMayHelp() async throws {
        let log = LogFixture()
        try await log.create()
        let busy = ObjectStoreError.failed(path: "x", operation: "put", message: "busy", retryable: true)
        let failures = Lock(3)
        let store = FaultInjectingStore(wrapping: log.store) { call in
            guard call.operation == .put else { return nil }
            return failures.withLock { left -> FaultInjectingStore.Fault? in
                left -= 1
                return left >= 0 ? .fails(busy) : nil
            }
        }
        let table = log.table(through: store)
        let commit = try committed(try await transaction(table, try await table.snapshot(), [.add(LogFixture.file("a"))]).commit())
        #expect(commit.version == 1)
        #expect(commit.attempts == 4)
    }

    @Test func aFullDiskFailsAtOnceAndChangesNothing() async throws {
        let log = LogFixture()
        try await log.create()
        let full = ObjectStoreError.outOfSpace(path: LogFileName.commitPath(1))
        let table = log.table(through: FaultInjectingStore(wrapping: log.store) { $0.operation == .put ? .fails(full) : nil })
        let append = transaction(table, try await table.snapshot(), [.add(LogFixture.file("a"))])
        await #expect(throws: DeltaError.storage(full)) { try await append.commit() }
        #expect(try await log.table.latestVersion() == 0)
    }

    @Test func aStoreThatLosesTheAnswerAndThenGoesAwayLeavesTheOutcomeOpen() async throws {
        let log = LogFixture()
        try await log.create()
        let gone = ObjectStoreError.failed(path: "x", operation: "any", message: "connection refused", retryable: true)
        let broken = Lock(false)
        let store = FaultInjectingStore(wrapping: log.store) { call in
            broken.withLock { isBroken -> FaultInjectingStore.Fault? in
                if call.operation == .put { isBroken = true }
                return isBroken ? (call.operation == .put ? .answerLost(gone) : .fails(gone)) : nil
            }
        }
        let table = log.table(through: store)
        let append = transaction(table, try await table.snapshot(), [.add(LogFixture.file("a"))])
        await #expect(throws: DeltaError.commitOutcomeUnknown(version: 1, reason: "\(gone)")) { try await append.commit() }
    }

    @Test func givesUpAfterTheAttemptsItWasGiven() async throws {
        let log = LogFixture()
        try await log.create()
        let busy = ObjectStoreError.failed(path: "x", operation: "put", message: "busy", retryable: true)
        let store = FaultInjectingStore(wrapping: log.store) { $0.operation == .put ? .fails(busy) : nil }
        let table = DeltaTable(store: store, environment: EngineEnvironment(clock: log.clock, maximumCommitAttempts: 5))
        let append = transaction(table, try await table.snapshot(), [.add(LogFixture.file("a"))])
        await #expect(throws: DeltaError.tooManyAttempts(version: 1, attempts: 5)) { try await append.commit() }
    }

    /// What has been read of the winners before a wait is stale behind it: a writer that puts by that never gets in.
    @Test func othersThatCommitDuringEveryWaitDoNotStarveIt() async throws {
        let log = LogFixture()
        try await log.create()
        let commitAnother = { @Sendable () async throws in
            _ = try await Transaction(
                table: log.table, readSnapshot: try await log.table.snapshot(), operation: OperationInfo("WRITE"),
                actions: [.add(LogFixture.file(UUID.v4().description))]
            ).commit()
        }
        let table = DeltaTable(store: log.store, environment: EngineEnvironment(clock: BusyClock(duringSleep: commitAnother), maximumCommitAttempts: 5))
        let append = transaction(table, try await table.snapshot(), [.add(LogFixture.file("a"))])
        try await commitAnother()
        let commit = try committed(try await append.commit())
        #expect(commit.attempts == 2 && commit.version == 3)
    }

    @Test func manyWritersLoseNothing() async throws {
        let log = LogFixture()
        try await log.create()
        let (writers, commits) = (8, 12)
        let versions = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for writer in 0..<writers {
                group.addTask {
                    let table = log.table(through: log.store, seed: UInt64(writer) + 10)
                    var versions: [Int64] = []
                    var snapshot = try await table.snapshot()
                    for number in 0..<commits {
                        // Every other time from a stale snapshot.
                        if number % 2 == 0 { snapshot = try await table.refresh(snapshot) }
                        let append = Transaction(
                            table: table, readSnapshot: snapshot, operation: OperationInfo("WRITE"), actions: [.add(LogFixture.file("\(writer)-\(number)"))])
                        if let version = try await append.commit().version { versions.append(version) }
                    }
                    return versions
                }
            }
            return try await group.reduce(into: [Int64]()) { $0 += $1 }
        }
        #expect(versions.sorted() == Array(1...Int64(writers * commits)))
        #expect(try await log.table.snapshot().numFiles == writers * commits)
    }
}

/// Time that passes at once, and somebody uses it.
private struct BusyClock: WallClock {
    let duringSleep: @Sendable () async throws -> Void

    func now() -> Timestamp { SystemClock().now() }

    func sleep(for duration: Duration) async throws { try await duringSleep() }
}

extension DataPath: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self.init(encoded: value) }
}
