import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// What CONVERT looks at before its commit and after it.
@Suite struct ConvertVerificationTests {
    private static let rows = ConvertOptions(conditions: CommitConditions(verifiesRows: true))

    /// A directory of two files of 20 rows.
    private static func directory() async throws -> DataFixture {
        let fixture = try await DataFixture(partitionBy: ["p"])
        for start in [0, 20] {
            try await fixture.append(lines: (start..<start + 20).map { #"{"id":\#($0),"p":"p\#(start)","text":"row \#($0)"}"# })
        }
        _ = try await fixture.store.delete(try await fixture.store.list(prefix: "_delta_log/", startAfter: nil).all().map(\.path))
        return fixture
    }

    @Test func theResultSaysWhatWasLookedAt() async throws {
        let fixture = try await Self.directory()
        let files = try await fixture.store.list(prefix: "", startAfter: nil).all()
        let staged = Verification.Staged(files: 2, rows: 40, bytes: files.reduce(0) { $0 + $1.sizeInBytes })
        let copy = DeltaTable(store: InMemoryStore(copying: fixture.store, clock: fixture.clock))
        let footers = try await ConvertOperation(table: copy).run()
        let table = Verification.Table(version: 0, files: 2, rows: 40, filesFound: 2)
        #expect(footers.verification == Verification(staged: staged, table: table))
        let read = try await ConvertOperation(table: fixture.table, options: Self.rows).run()
        #expect(read.verification == Verification(staged: .init(files: 2, rows: 40, bytes: staged.bytes, readRows: 40), table: table))
        #expect(try await ConvertOperation(table: fixture.table, options: Self.rows).run().verification == Verification())
        #expect(try await fixture.ids() == Array(0..<40))
    }

    /// Without rows there is a table that cannot be read; with them there is none.
    @Test func aDamagedFileIsFoundBeforeTheCommit() async throws {
        let fixture = try await Self.directory()
        let path = try #require(try await fixture.store.list(prefix: "p=p20/", startAfter: nil).all().first?.path)
        let whole = try await fixture.store.get(path).array
        var refused = 0
        for position in stride(from: 0, to: whole.count, by: environmentVariable("LEVEE_SOAK") == "1" ? 1 : 11) {
            let store = InMemoryStore(copying: fixture.store, clock: fixture.clock)
            var bytes = whole
            bytes[position] ^= 0x10
            try await store.put(path, Bytes(bytes), mode: .overwrite)
            let table = fixture.table(through: store)
            do {
                _ = try await ConvertOperation(table: table, options: Self.rows).run()
                #expect(try await CloneTests.rows(table).count == 40, "byte \(position)")
            } catch is DeltaError {
                refused += 1
                #expect(try await !table.exists(), "byte \(position)")
            }
        }
        #expect(refused > 10)
    }

    @Test func aFileThatIsGoneBehindTheCommitIsSaid() async throws {
        let fixture = try await Self.directory()
        let store = fixture.store
        let thief = HookedStore(wrapping: store) {
            _ = try await store.delete(try await store.list(prefix: "p=p0/", startAfter: nil).all().map(\.path))
        }
        let error = await #expect(throws: DeltaError.self) { try await ConvertOperation(table: fixture.table(through: thief)).run() }
        guard case let .commitNotAsMeant(version, reason)? = error else { throw try #require(error) }
        #expect(version == 0 && reason.contains("not in the store"))
    }
}
