import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// What a clone looks at before its commit.
@Suite struct CloneVerificationTests {
    private static let mixes = DeleteFixture.Features.all.enumerated()
        .filter { environmentVariable("LEVEE_SOAK") == "1" || $0.offset % 17 == 3 }.map(\.element)
    private static let rows = CommitConditions(verifiesRows: true)

    private static func clone(
        _ source: DeltaTable, _ target: DeltaTable, _ mode: CloneOptions.Mode, _ conditions: CommitConditions = CommitConditions()
    ) async throws -> CloneResult {
        try await CloneOperation(source: source, target: target, options: CloneOptions(mode: mode, conditions: conditions)).run()
    }

    @Test(arguments: mixes) func theResultSaysWhatWasLookedAt(features: DeleteFixture.Features) async throws {
        let seed: UInt64 = 20_261_124
        let place: Comment = "seed \(seed), \(features)"
        let random = SeededRandomSource(seed: seed)
        let fixture = try await DeleteFixture(features)
        let tables = NamedTables(clock: fixture.table.log.clock)
        let source = tables.table("source", fixture.table.log.store)
        for batch in 0..<2 { try await fixture.append(12, from: batch * 12, random) }
        _ = try await DeleteOperation(table: source, options: DeleteOptions(condition: "id % 5 = 1")).run()
        let snapshot = try await source.snapshot()
        let physical = snapshot.files.compactMap(\.numRecords).reduce(0, +)
        let live = try #require(snapshot.files.numRecords)

        let footers = try await Self.clone(source, tables.table("footers"), .deep)
        let staged = Verification.Staged(files: Int64(snapshot.numFiles), rows: physical, bytes: snapshot.sizeInBytes)
        #expect(footers.verification.staged == staged, place)
        #expect(footers.verification.table?.rows == live && footers.verification.table?.filesFound == Int64(snapshot.numFiles), place)
        let target = tables.table("compared")
        let compared = try await Self.clone(source, target, .deep, Self.rows)
        #expect(compared.verification.staged == .init(files: staged.files, rows: physical, bytes: staged.bytes, comparedRows: live), place)

        #expect(try await Self.clone(source, tables.table("named"), .shallow).verification.staged == nil, place)
        let read = try await Self.clone(source, tables.table("read"), .shallow, Self.rows)
        #expect(read.verification.staged == .init(files: staged.files, rows: physical, bytes: staged.bytes, readRows: live), place)

        // Only what comes is looked at.
        try await fixture.append(12, from: 24, random)
        let later = try await source.snapshot().numFiles - snapshot.numFiles
        let again = try await Self.clone(source, target, .deep, Self.rows)
        #expect(again.verification.staged?.files == Int64(later) && again.verification.staged?.comparedRows == 12, place)
    }

    /// No single bit of a copy can be another without somebody noticing, as far as it matters to a reader.
    @Test func aCopyIsRefusedUnlessItReadsTheSame() async throws {
        let fixture = try await DataFixture(properties: ["delta.enableDeletionVectors": "true"])
        try await fixture.append(0..<40)
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "id % 7 = 3")).run()
        let tables = NamedTables(clock: fixture.clock)
        let source = tables.table("source", fixture.store)
        let file = try #require(try await source.snapshot().files.first)
        let vector = try #require(try file.deletionVector?.path)
        let wanted = try await CloneTests.rows(source)
        let sizes = [
            ".parquet": Int(file.size), ".bin": Int(try await fixture.store.head(try vector.object(in: fixture.store)).sizeInBytes),
        ]
        let step = environmentVariable("LEVEE_SOAK") == "1" ? 1 : 11
        var refused = 0
        for (ending, size) in sizes {
            for position in stride(from: 0, to: size, by: step) {
                let store = InMemoryStore(clock: fixture.clock)
                let tampering = TamperingStore(wrapping: store) { path, bytes in
                    if path.string.hasSuffix(ending) { bytes[position] ^= 0x10 }
                }
                do {
                    _ = try await Self.clone(source, tables.table("target", tampering), .deep, Self.rows)
                    #expect(try await CloneTests.rows(tables.table("target", store)) == wanted, "byte \(position) of a \(ending)")
                } catch is DeltaError {
                    refused += 1
                    let left = try await store.list(prefix: "", startAfter: nil).all().map(\.path.string)
                    #expect(left == [CloneTarget.beginning], "byte \(position) of a \(ending)")
                    if refused % 16 == 1 {
                        _ = try await Self.clone(source, tables.table("target", store), .deep, Self.rows)
                        #expect(try await CloneTests.rows(tables.table("target", store)) == wanted)
                    }
                }
            }
        }
        #expect(refused > 20)
    }

    /// Whatever is asked for.
    @Test(arguments: [CloneOptions.Mode.deep, .shallow]) func aFooterIsHeldAgainstTheLog(mode: CloneOptions.Mode) async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<10)
        let tables = NamedTables(clock: fixture.clock)
        let source = tables.table("source", fixture.store)
        let conditions = mode == .shallow ? Self.rows : CommitConditions()
        let cut = TamperingStore(wrapping: InMemoryStore(clock: fixture.clock)) { _, bytes in bytes.replaceSubrange((bytes.count - 4)..., with: [0, 0, 0, 0]) }
        if mode == .deep { await #expect(throws: DeltaError.self) { try await Self.clone(source, tables.table("cut", cut), mode) } }
        let log = LogFixture(fixture)
        let commit = LogFileName.commitPath(1)
        try await log.put(commit, try await log.text(commit).replacing(#"\"numRecords\":10"#, with: #"\"numRecords\":11"#))
        _ = try await fixture.store.delete([ObjectPath(LogFileName.checksumPath(1))])
        let target = tables.table("target")
        let error = await #expect(throws: DeltaError.self) { try await Self.clone(source, target, mode, conditions) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("it has 10 rows, and the log of the source says 11"))
        #expect(try await !target.exists())
    }

    /// A shallow clone of a table whose file is damaged would be as damaged.
    @Test func aShallowCloneReadsWhatItNames() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<40)
        let tables = NamedTables(clock: fixture.clock)
        let source = tables.table("source", fixture.store)
        let path = try #require(try await source.snapshot().files.first?.path.object(in: fixture.store))
        var bytes = try await fixture.store.get(path).array
        for position in 4..<(bytes.count / 3) { bytes[position] = 0xff }
        try await fixture.store.put(path, Bytes(bytes), mode: .overwrite)
        let target = tables.table("target")
        await #expect(throws: DeltaError.self) { try await Self.clone(source, target, .shallow, Self.rows) }
        #expect(try await !target.exists())
        _ = try await Self.clone(source, target, .shallow)
    }
}
