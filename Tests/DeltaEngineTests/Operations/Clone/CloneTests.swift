import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct CloneTests {
    private static func clone(
        _ source: DeltaTable, _ target: DeltaTable, _ mode: CloneOptions.Mode, version: CloneOptions.Version = .latest, replace: Bool = false,
        dryRun: Bool = false, conditions: CommitConditions = CommitConditions()
    ) async throws -> CloneResult {
        try await CloneOperation(
            source: source, target: target, options: CloneOptions(mode: mode, version: version, replace: replace, dryRun: dryRun, conditions: conditions)
        ).run()
    }

    /// All rows as texts, sorted.
    static func rows(_ table: DeltaTable) async throws -> [String] {
        let reader = try TableReader(table: table, snapshot: try await table.snapshot())
        var rows: [String] = []
        while let batch = try await reader.next() {
            for row in 0..<batch.rowCount { rows.append("\(batch.columns.map { $0.value(at: row) })") }
        }
        return rows.sorted()
    }

    private static let mixes = DeleteFixture.Features.all.enumerated()
        .filter { environmentVariable("LEVEE_SOAK") == "1" || $0.offset % 13 == 0 }.map(\.element)

    /// A clone is the table that it was made of, and follows it; what maintenance does to the clone leaves it so.
    @Test(arguments: mixes, CloneOptions.Mode.allCases)
    func aCloneIsItsSourceAndFollowsIt(features: DeleteFixture.Features, mode: CloneOptions.Mode) async throws {
        let seed: UInt64 = 20_261_122
        let place: Comment = "seed \(seed), \(features), \(mode)"
        let random = SeededRandomSource(seed: seed)
        let fixture = try await DeleteFixture(features)
        let tables = NamedTables(clock: fixture.table.log.clock)
        let source = tables.table("source", fixture.table.log.store)
        let target = tables.table("target")
        for batch in 0..<2 { try await fixture.append(12, from: batch * 12, random) }
        _ = try await DeleteOperation(table: fixture.table.table, options: DeleteOptions(condition: "id % 5 = 1")).run()

        var expectedMoves = Set(try await source.snapshot().files.map(\.path.encoded)).count
        for round in 0..<3 {
            if round == 1 {
                let before = Set(try await source.snapshot().files.map(\.path.encoded))
                try await fixture.append(12, from: 24, random)
                _ = try await DeleteOperation(table: fixture.table.table, options: DeleteOptions(condition: DeleteFixture.condition(random, ids: 36))).run()
                expectedMoves = Set(try await source.snapshot().files.map(\.path.encoded)).subtracting(before).count
            }
            let dry = try await Self.clone(source, target, mode, dryRun: true)
            let result = try await Self.clone(source, target, mode)
            #expect(dry.version == nil && dry.metrics.numCopiedFiles == result.metrics.numCopiedFiles, place)
            if round == 2 {
                // Nothing has changed.
                #expect(result.version == nil && result.metrics.numCopiedFiles == 0 && result.metrics.numRemovedFiles == 0, place)
            } else {
                #expect(result.version == Int64(round), place)
                #expect(result.metrics.numCopiedFiles == (mode == .deep ? Int64(expectedMoves) : 0), place)
            }
            let (from, to) = (try await source.snapshot(), try await target.snapshot())
            let rows = try await Self.rows(source)
            #expect(try await Self.rows(target) == rows, place)
            #expect(to.metadata.schema == from.metadata.schema && to.metadata.partitionColumns == from.metadata.partitionColumns, place)
            #expect(to.metadata.configuration == from.metadata.configuration && to.metadata.id != from.metadata.id, place)
            #expect(to.protocol == from.protocol && to.files.numRecords == from.files.numRecords, place)
            #expect(to.files.map(\.baseRowId) == from.files.map(\.baseRowId) || Set(to.files.map(\.baseRowId)) == Set(from.files.map(\.baseRowId)), place)
            #expect(to.domainMetadata[RowTracking.domain]?.configuration == from.domainMetadata[RowTracking.domain]?.configuration, place)
            for file in to.files { #expect(file.path.isAbsolute == (mode == .shallow), place) }
        }

        // What a vacuum of the clone takes is none of its files, and none of the source's.
        fixture.table.log.clock.advance(by: .seconds(30 * 86_400))
        let before = try await Self.rows(source)
        _ = try await VacuumOperation(table: target, options: VacuumOptions(retention: .zero, allowShortRetention: true)).run()
        #expect(try await Self.rows(target) == before, place)
        #expect(try await Self.rows(source) == before, place)
        #expect(try await RepairOperation(table: target).run().metrics.numMissingFiles == 0, place)

        // The clone is a table of its own.
        _ = try await DeleteOperation(table: target, options: DeleteOptions(condition: "id % 2 = 0")).run()
        _ = try await OptimizeOperation(table: target).run()
        let expected = try fixture.split(try await fixture.table.rows(), by: "id % 2 = 0").kept.map { "\($0)" }.sorted()
        #expect(try await Self.rows(target) == expected, place)
        #expect(try await Self.rows(source) == before, place)
        await #expect(throws: DeltaError.self, place) { try await Self.clone(source, target, mode) }
        _ = try await Self.clone(source, target, mode, replace: true)
        #expect(try await Self.rows(target) == before, place)
    }

    /// A commit of any size is written in parts, and refused as a whole where another one is there.
    @Test(arguments: CloneOptions.Mode.allCases)
    func aLargeCommitIsWrittenInParts(mode: CloneOptions.Mode) async throws {
        let fixture = try await DataFixture(partitionBy: ["p"], properties: ["delta.enableDeletionVectors": "true"])
        let tables = NamedTables(clock: fixture.clock)
        let (source, target) = (tables.table("source", fixture.store), tables.table("target"))
        var operation = CloneOperation(source: source, target: target, options: CloneOptions(mode: mode))
        operation.commitBuffer = 0
        for round in 0..<3 {
            try await fixture.append(round * 12..<(round + 1) * 12)
            _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "id % 12 = \(round)")).run()
            let result = try await operation.run()
            #expect(result.version == Int64(round))
            let verified = try #require(result.verification.table)
            #expect(verified.files == Int64(try await source.snapshot().numFiles))
            #expect(try await Self.rows(target) == (try await Self.rows(source)))
            let info = try await target.history(limit: 1).first?.commitInfo
            #expect(info?.operation == "CLONE" && info?.txnId != nil)
        }
    }

    /// In parts some stores would let it take another commit's place.
    @Test(arguments: [true, false])
    func aLargeCommitIsWrittenInPartsOnlyWhereItTakesNobodysPlace(winsPathsInParts: Bool) async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<12)
        let tables = NamedTables(clock: fixture.clock)
        let store = RecordingStore(tables.table("target").store, winsPathsInParts: winsPathsInParts)
        let target = DeltaTable(store: store, environment: tables.table("target").environment)
        var operation = CloneOperation(source: tables.table("source", fixture.store), target: target, options: CloneOptions(mode: .deep))
        operation.commitBuffer = 0
        _ = try await operation.run()
        let commits = store.takeRequests().filter { $0.hasSuffix("_delta_log/00000000000000000000.json") && !$0.hasPrefix("get") && !$0.hasPrefix("head") }
        #expect(commits == ["\(winsPathsInParts ? "write" : "put") _delta_log/00000000000000000000.json"])
        #expect(try await Self.rows(target) == (try await Self.rows(operation.source)))
    }

    @Test func aCloneOfACloneRefersToTheFirst() async throws {
        let fixture = try await DataFixture(partitionBy: ["p"], properties: ["delta.enableDeletionVectors": "true"])
        try await fixture.append(0..<12)
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "id = 4")).run()
        let tables = NamedTables(clock: fixture.clock)
        let first = tables.table("first", fixture.store)
        let second = tables.table("second")
        _ = try await Self.clone(first, second, .shallow)
        let (third, deep) = (tables.table("third"), tables.table("deep"))
        _ = try await Self.clone(second, third, .shallow)
        #expect(try await third.snapshot().files.allSatisfy { $0.path.encoded.hasPrefix("file:///lake/first/p=") })
        let copied = try await Self.clone(second, deep, .deep)
        #expect(copied.metrics.numCopiedFiles == 3 && copied.metrics.numCopiedDeletionVectorFiles == 1)
        let rows = try await Self.rows(first)
        #expect(try await Self.rows(third) == rows)
        #expect(try await Self.rows(deep) == rows)
        #expect(try await Self.clone(second, deep, .deep).version == nil)
    }

    @Test func theCommitTellsWhereTheRowsCameFrom() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<10)
        try await fixture.append(10..<20)
        let tables = NamedTables(clock: fixture.clock)
        let (source, target) = (tables.table("source", fixture.store), tables.table("target"))
        let result = try await Self.clone(source, target, .deep, version: .version(1), conditions: CommitConditions(operationUID: "u1"))
        #expect(result.sourceVersion == 1 && result.version == 0)
        let info = try #require(try await target.history(limit: 1).first?.commitInfo)
        #expect(info.operation == "CLONE")
        #expect(info.operationParameters == ["source": "file:///lake/source", "sourceVersion": "1", "isShallow": "false"])
        #expect(info.operationMetrics?["numCopiedFiles"]?.stringValue == "1" && info.operationMetrics?["sourceNumOfFiles"]?.stringValue == "1")
        #expect(info.levee?["operationUid"]?.stringValue == "u1")
        let id = try await source.snapshot().metadata.id
        #expect(info.levee?["sourceTableId"]?.stringValue == id)
        #expect(try await Self.rows(target).count == 10)
    }

    // MARK: Guards

    @Test func whatIsNoCloneIsLeftAlone() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<10)
        let tables = NamedTables(clock: fixture.clock)
        let source = tables.table("source", fixture.store)
        func refused(_ target: DeltaTable, _ word: String, conditions: CommitConditions = CommitConditions()) async {
            await #expect {
                _ = try await Self.clone(source, target, .deep, conditions: conditions)
            } throws: {
                "\($0)".contains(word)
            }
        }
        await refused(tables.table("source/inside"), "inside")
        await refused(source, "itself")
        let other = try await DataFixture()
        try await other.append(0..<3)
        await refused(tables.table("other", other.store), "--replace")
        let full = InMemoryStore()
        try await full.put(ObjectPath("notes.txt"), Bytes("x"), mode: .overwrite)
        await refused(tables.table("full", full), "notes.txt")
        await refused(tables.table("new"), "version", conditions: CommitConditions(expectedVersion: 3))
        #expect(try await other.ids() == [0, 1, 2])

        let target = tables.table("target")
        let once = CommitConditions(idempotency: .init(appId: "a", version: 1))
        #expect(try await Self.clone(source, target, .deep, conditions: once).version == 0)
        try await fixture.append(10..<20)
        #expect(try await Self.clone(source, target, .deep, conditions: once).alreadyApplied)
        // A vacuum is no change of its rows.
        _ = try await VacuumOperation(table: target).run()
        #expect(try await Self.clone(source, target, .deep).metrics.numCopiedFiles == 1)
    }

    /// A log is written by others: what it names outside is opened only where that is allowed.
    @Test(arguments: [
        "file:///etc/passwd", "/etc/passwd", "file:/etc/passwd", "file:///lake/../etc/passwd", "file:///lake/%2e%2e/etc/passwd", "file:///lake2/x",
        "s3://else/x",
        "file://host/lake/x", "http://169.254.169.254/latest", "abfss://c@evil.example/x", "file:///lake/a%00b", "file:///lake", "s3://lake/x",
    ])
    func hostilePathsAreRefused(path: String) async throws {
        let fixture = LogFixture()
        try await fixture.create()
        try await fixture.commit(1, [LogFixture.add(path, size: 4)])
        let opened = Lock<[String]>([])
        let outside = OutsideStores(below: [try TableLocation("file:///lake")], reason: "the storage profile covers no more than file:///lake") {
            (location: TableLocation) throws(ObjectStoreError) in
            opened.withLock { $0.append(location.description) }
            return InMemoryStore()
        }
        let table = DeltaTable(
            store: NamedStore(fixture.store, at: "file:///lake/table"),
            environment: EngineEnvironment(clock: fixture.clock, random: SeededRandomSource(seed: 1), outside: outside))
        let error = await #expect(throws: DeltaError.self) { _ = try await Self.rows(table) }
        guard case let .unsupportedPath(named, reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(named == path && !reason.isEmpty)
        #expect(opened.withLock { $0 }.isEmpty)
    }

    // MARK: Failures

    /// A store that fails at every request in turn: nothing half-made stays, and the next run completes.
    @Test func aFailureAtAnyRequestLeavesNothing() async throws {
        let fixture = try await DataFixture(properties: ["delta.enableDeletionVectors": "true"])
        for start in [0, 10, 20] { try await fixture.append(start..<start + 10) }
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "id % 10 = 3")).run()
        let tables = NamedTables(clock: fixture.clock)
        let source = tables.table("source", fixture.store)
        let rows = try await Self.rows(source)
        for failing in 0..<60 {
            let store = InMemoryStore(clock: fixture.clock)
            let faulty = FaultInjectingStore(wrapping: store) { call in
                call.index == failing ? .fails(.failed(path: call.path, operation: call.operation.rawValue, message: "a fault", retryable: false)) : nil
            }
            let target = tables.table("target", store)
            do {
                _ = try await Self.clone(source, tables.table("target", faulty), .deep)
            } catch {
                let left = try await store.list(prefix: "", startAfter: nil).all().map(\.path.string)
                    .filter { $0.hasSuffix(".parquet") || $0.hasSuffix(".bin") }
                #expect(left.isEmpty, "request \(failing): \(left), \(error)")
            }
            _ = try await Self.clone(source, target, .deep)
            #expect(try await Self.rows(target) == rows, "request \(failing)")
            if faulty.callCount <= failing { break }
        }
    }
}
