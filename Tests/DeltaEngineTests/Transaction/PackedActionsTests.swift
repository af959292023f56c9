import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct PackedActionsTests {
    private func packed(_ adds: [AddFile], removing: [AddFile] = [], largestPiece: Int64 = 0) async throws -> PackedActions {
        let builder = PackedActionsBuilder(largestPiece: largestPiece)
        for file in removing { builder.remove(RemoveFile(file, deletionTimestamp: Timestamp(milliseconds: 5), dataChange: true)) }
        for file in adds { builder.add(file) }
        return try await builder.finish()
    }

    @Test func actionsAreWhatWasPacked() async throws {
        var file = LogFixture.file("a")
        file.stats = #"{"numRecords":3,"minValues":{"id":"x\ny"}}"#
        file.tags = ["b": "é"]
        let files = [file] + (0..<5000).map { LogFixture.file("file-\($0)") }
        let packed = try await packed(files, removing: [LogFixture.file("gone")])
        #expect(packed.added.count == 5001 && packed.removed.count == 1 && packed.lacksRowIds && packed.isStreamed)
        #expect(packed.removes(DataPath(encoded: "gone")) && !packed.removes(DataPath(encoded: "a")))
        let adds = try await packed.actions().compactMap { if case let .add(file) = $0 { file } else { nil } }
        #expect(
            adds
                == files.map { file in
                    var file = file
                    file.dataChange = true
                    return file
                })
        packed.forgetLines()
        #expect(try await packed.actions().isEmpty && !packed.isEmpty)
    }

    @Test func aFileIsNotAddedTwice() async throws {
        let (one, other) = (LogFixture.file("a"), LogFixture.file("b"))
        await #expect(throws: DeltaError.self) { try await packed([one, other, one]) }
        await #expect(throws: DeltaError.self) { try await packed([one], removing: [other, other]) }
        // To take it out and to add it anew is one change of it.
        #expect(try await !packed([one], removing: [one]).isEmpty)
    }

    /// Who loses tries again behind the winner, or finds what it removes gone.
    @Test(arguments: [0, PackedActions.largestPiece])
    func packedCommitsStandBehindOthers(largestPiece: Int64) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("old")])
        let before = try await log.table.snapshot()
        func transaction(_ packed: PackedActions) -> Transaction {
            var transaction = Transaction(table: log.table, readSnapshot: before, operation: OperationInfo("CLONE"))
            transaction.packed = packed
            return transaction
        }
        for (name, version) in [("a", 2), ("b", 3)] as [(String, Int64)] {
            let result = try await transaction(try await packed([LogFixture.file(name)], largestPiece: largestPiece)).commit()
            guard case let .committed(commit) = result else { throw DeltaError.invalidRequest(reason: "nothing was committed") }
            #expect(commit.version == version && commit.attempts == (version == 2 ? 1 : 2))
        }
        let removing = transaction(try await packed([], removing: [LogFixture.file("old")], largestPiece: largestPiece))
        #expect(try await removing.commit().version == 4)
        #expect(try await log.table.snapshot().paths == ["a", "b"])
        let late = transaction(try await packed([], removing: [LogFixture.file("old")], largestPiece: largestPiece))
        await #expect {
            _ = try await late.commit()
        } throws: {
            guard case .commitConflict(_, winner: 4, .removedTwice(path: "old"))? = $0 as? DeltaError else { return false }
            return true
        }
        let left = try await log.store.list(prefix: "_delta_log/", startAfter: nil).all().map(\.path.string)
        #expect(left.allSatisfy { $0.hasSuffix(".json") || $0.hasSuffix(".crc") })
    }
}
