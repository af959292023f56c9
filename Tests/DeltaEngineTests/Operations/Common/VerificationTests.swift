import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// What operations look at before and after their commits.
@Suite struct VerificationTests {
    // MARK: Rows of old and new files

    @Test(arguments: DeleteFixture.Features.all.enumerated().filter { environmentVariable("LEVEE_SOAK") == "1" || $0.offset % 7 == 2 }.map(\.element))
    func anOptimizeComparesAllRows(features: DeleteFixture.Features) async throws {
        let seed: UInt64 = 20_261_122
        let random = SeededRandomSource(seed: seed)
        let fixture = try await DeleteFixture(features)
        for batch in 0..<3 { try await fixture.append(12, from: batch * 12, random) }
        let conditions = CommitConditions(verifiesRows: true)
        _ = try await DeleteOperation(table: fixture.table.table, options: DeleteOptions(condition: "id % 5 = 1 AND id < 24", conditions: conditions)).run()
        let rows = Int64(try await fixture.table.rows().count)
        let result = try await OptimizeOperation(table: fixture.table.table, options: OptimizeOptions(conditions: conditions)).run()
        let staged = try #require(result.verification.staged)
        #expect(staged.files == result.metrics.numFilesAdded && staged.comparedRows == staged.rows && staged.rows > rows / 2, "seed \(seed), \(features)")
        #expect(staged.bytes == result.metrics.filesAdded.totalSize)
        let table = try #require(result.verification.table)
        let snapshot = try await fixture.table.table.snapshot()
        #expect(table.version == result.version && table.files == Int64(snapshot.numFiles) && table.rows == rows, "seed \(seed), \(features)")
        #expect(table.filesFound == staged.files)
    }

    /// Each by what the new file is: the rows 0 to 9 but for that.
    @Test(arguments: [
        ("as the old one, in another order", (0..<10).reversed().map { Self.row($0) }, true),
        ("with another text", (0..<10).map { Self.row($0, text: $0 == 7 ? "another" : "row \($0)") }, false),
        ("with the texts of two rows exchanged", (0..<10).map { Self.row($0, text: "row \($0 == 3 ? 4 : $0 == 4 ? 3 : $0)") }, false),
        ("with a null", (0..<10).map { Self.row($0, text: $0 == 0 ? nil : "row \($0)") }, false),
        ("without a row", (1..<10).map { Self.row($0) }, false),
        ("with one row twice in place of another", [0, 0, 2, 3, 4, 5, 6, 7, 8, 9].map { Self.row($0) }, false),
    ])
    func aFileIsHeldAgainstItsSource(what: String, lines: [String], isEqual: Bool) async throws {
        let fixture = try await DataFixture()
        try await fixture.append(lines: (0..<10).map { Self.row($0) })
        try await fixture.append(lines: lines)
        let snapshot = try await fixture.table.snapshot()
        let comparison = RowComparison(table: fixture.table, snapshot: snapshot)
        let files = snapshot.files.indices.sorted { snapshot.files[$0].modificationTime < snapshot.files[$1].modificationTime }
        if isEqual {
            #expect(try await comparison.compare([files[0]], with: [snapshot.files[files[1]].add]) == 10)
        } else {
            await #expect(throws: DeltaError.self, "\(what)") { try await comparison.compare([files[0]], with: [snapshot.files[files[1]].add]) }
        }
    }

    @Test func aFileOfAnotherPartitionIsFound() async throws {
        let fixture = try await DataFixture(partitionBy: ["p"])
        try await fixture.append(0..<3)
        let snapshot = try await fixture.table.snapshot()
        var add = snapshot.files[0].add
        add.partitionValues = PartitionValues(columns: snapshot.files.partitionKeys, values: ["p9"])
        let comparison = RowComparison(table: fixture.table, snapshot: snapshot)
        await #expect(throws: DeltaError.self) { try await comparison.compare([0], with: [add]) }
    }

    @Test func whatForeignFootersSayIsAddedUpSafely() {
        let staged = StagedFiles(store: InMemoryStore(), logger: .none)
        for _ in 0..<2 { staged.verified(rows: .max, bytes: .max) }
        staged.compared(3)
        staged.read(4)
        #expect(staged.verified == .init(files: 2, rows: .max, bytes: .max, comparedRows: 3, readRows: 4))
    }

    private static func row(_ id: Int, text: String? = "") -> String {
        let text = text.map { #""\#($0.isEmpty ? "row \(id)" : $0)""# } ?? "null"
        return #"{"id":\#(id),"p":"p","text":\#(text)}"#
    }

    // MARK: The table after the commit

    @Test func aFileThatIsGoneBehindTheCommitIsSaid() async throws {
        let fixture = try await DataFixture()
        for start in [0, 10] { try await fixture.append(start..<start + 10) }
        let old = try await fixture.liveFiles()
        let store = fixture.store
        let thief = HookedStore(wrapping: store) {
            let staged = try await store.list(prefix: "part-", startAfter: nil).all().map(\.path).filter { !old.contains($0.string) }
            _ = try await store.delete(staged)
        }
        let error = await #expect(throws: DeltaError.self) { try await OptimizeOperation(table: fixture.table(through: thief)).run() }
        guard case let .commitNotAsMeant(version, reason) = error else { throw try #require(error) }
        #expect(version == 3 && reason.contains("not in the store"))
        #expect(try await fixture.table.latestVersion() == 3)
    }

    /// A vacuum may take a file that a commit right behind has taken out of the table.
    @Test func aFileThatAnotherCommitHasReplacedIsNotMissed() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<10)
        let read = try await fixture.table.snapshot()
        let old = try #require(read.files.first)
        var transaction = Transaction(table: fixture.table, readSnapshot: read, operation: OperationInfo("WRITE", parameters: [:]))
        var add = old.add
        add.path = DataPath(encoded: "part-of-nothing.parquet")
        transaction.add(add)
        transaction.looksUpFiles = true
        let remove = RemoveFile(add, deletionTimestamp: fixture.clock.now(), dataChange: true)
        for (version, action) in [(Int64(2), Action.add(add)), (3, .remove(remove))] {
            try await fixture.store.put(ObjectPath(LogFileName.commitPath(version)), Bytes(JSON.encode(action.json)), mode: .ifAbsent)
        }
        let found = try await CommitVerification(transaction).run(try await fixture.table.snapshot(version: 2))
        #expect(found.filesFound == 0 && found.files == 2)
    }

    @Test func whatTheLogSaysIsHeldAgainstTheTransaction() async throws {
        let fixture = try await DataFixture()
        for start in [0, 10] { try await fixture.append(start..<start + 10) }
        let read = try await fixture.table.snapshot()
        let operation = OperationInfo("DELETE", parameters: [:])
        var removal = Transaction(table: fixture.table, readSnapshot: read, operation: operation)
        removal.remove(read.files[0].remove(at: fixture.clock.now(), dataChange: true))
        // Version 3 is somebody else's.
        try await fixture.append(20..<30)
        let after = try await fixture.table.snapshot()
        await #expect(throws: DeltaError.self) { try await CommitVerification(removal).run(after) }
        var addition = Transaction(table: fixture.table, readSnapshot: read, operation: operation)
        var add = read.files[0].add
        add.path = DataPath(encoded: "part-another.parquet")
        addition.add(add)
        await #expect(throws: DeltaError.self) { try await CommitVerification(addition).run(after) }
        let nothing = Transaction(table: fixture.table, readSnapshot: read, operation: operation)
        await #expect(throws: DeltaError.self) { try await CommitVerification(nothing).run(after) }
    }
}
