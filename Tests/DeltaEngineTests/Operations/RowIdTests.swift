import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport
import Testing

@testable import DeltaEngine

/// Rows that OPTIMIZE moves to other files keep their ids and commit versions (protocol, "Row Tracking").
@Suite struct RowIdTests {
    private static let names = ["_row-id", "_row-version"]
    private static let tracked = [
        "delta.enableRowTracking": "true", "delta.rowTracking.materializedRowIdColumnName": names[0],
        "delta.rowTracking.materializedRowCommitVersionColumnName": names[1],
    ]
    private static let protocolLine =
        #"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"#
        + #""writerFeatures":["deletionVectors","rowTracking","domainMetadata"]}}"#
    private static let schema = #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}"#

    private func table(_ configuration: [String: String] = RowIdTests.tracked) async throws -> SchemaFixture {
        try await SchemaFixture(protocol: Self.protocolLine, schema: Self.schema, configuration: configuration)
    }

    private func append(_ table: SchemaFixture, _ ids: Range<Int>) async throws {
        let input = InMemoryStore()
        let path = try ObjectPath("rows.json")
        try await input.put(path, Bytes(ids.map { #"{"id":\#($0)}"# }.joined(separator: "\n")), mode: .overwrite)
        table.log.clock.advance(by: .seconds(1))
        _ = try await WriteOperation(table: table.table, input: WriteInput(store: input, path: path, format: .jsonLines)).run()
    }

    private struct Origin: Equatable {
        let row: Int64
        let version: Int64
    }

    /// The stable row id and commit version of each row by its `id`, read as the protocol tells readers to.
    private func origins(_ table: SchemaFixture) async throws -> [Int64: Origin] {
        var origins: [Int64: Origin] = [:]
        for view in try await table.table.snapshot().files {
            let file = try await table.open(view)
            let live = try await LiveRows.without(view.deletionVector, in: table.log.table.files)
            let kept = live.kept(in: 0..<file.metadata.rowCount).map { Set($0.map(Int64.init)) }
            var first: Int64 = 0
            for group in file.metadata.rowGroups.indices {
                let batch = try await file.readRowGroup(group)
                for row in 0..<batch.rowCount where kept?.contains(first + Int64(row)) ?? true {
                    func value(_ name: String) -> Int64? {
                        if case let .integer(value)? = batch.column(named: name)?.value(at: row) { value } else { nil }
                    }
                    let id = try #require(value("id"))
                    #expect(origins[id] == nil)
                    let base = try #require(view.baseRowId)
                    let version = try #require(view.defaultRowCommitVersion)
                    origins[id] = Origin(row: value(Self.names[0]) ?? base + first + Int64(row), version: value(Self.names[1]) ?? version)
                }
                first += Int64(batch.rowCount)
            }
        }
        #expect(Set(origins.values.map(\.row)).count == origins.count, "a row id is there twice")
        return origins
    }

    private func mark(_ table: SchemaFixture, _ rows: [Int64]) async throws {
        let file = try #require(try await table.table.snapshot().files.first).add
        var marked = file
        marked.deletionVector = RoaringFixture.inline(rows)
        let remove = RemoveFile(file, deletionTimestamp: table.log.clock.now(), dataChange: true)
        try await table.log.commit(
            try await table.table.latestVersion() + 1, [Action.remove(remove), .add(marked)].map { JSON.encode($0.json) })
    }

    @Test func idsAndVersionsStayThroughEveryRewrite() async throws {
        let table = try await table()
        for start in [0, 10, 20] { try await append(table, start..<(start + 10)) }
        var expected = try await origins(table)
        #expect(expected[0] == Origin(row: 0, version: 1))
        #expect(expected[29] == Origin(row: 29, version: 3))
        for round in 0..<3 {
            let before = try await table.table.snapshot()
            let result = try await OptimizeOperation(table: table.table).run()
            #expect(result.metrics.numFilesAdded == 1)
            #expect(try await origins(table) == expected, "round \(round)")
            let after = try await table.table.snapshot()
            #expect(after.commitInfo?.members["tags"]?["delta.rowTracking.preserved"] == "true")
            // Fresh ids for the new file, above all that were ever given.
            let file = try #require(after.files.first)
            let domain = try #require(before.domainMetadata["delta.rowTracking"])
            let highest = try #require(try JSON.parse(domain.configuration)["rowIdHighWaterMark"]?.intValue)
            #expect(file.baseRowId == highest + 1)
            #expect(file.defaultRowCommitVersion == after.version)
            #expect(after.domainMetadata["delta.rowTracking"]?.configuration == #"{"rowIdHighWaterMark":\#(highest + (file.numRecords ?? 0))}"#)
            // Nobody sees the columns, nor has the file statistics on them.
            #expect(try await table.rows().allSatisfy { $0.count == 1 })
            #expect(file.stats?.text.contains(Self.names[0]) == false)
            // What comes next has ids by its place, and some rows go.
            try await mark(table, [0, Int64(3 + round)])
            let start = 100 * (round + 1)
            try await append(table, start..<(start + 5))
            let later = try await origins(table)
            #expect(later.filter { $0.key < start } == expected.filter { later[$0.key] != nil && $0.key < start })
            expected = later
        }
    }

    @Test func valuesThatOtherWritersGaveSomeRowsAreKept() async throws {
        let table = try await table()
        try await append(table, 0..<3)
        let fields = [Field("id", .long), Field(Self.names[0], .long)]
        let size = try await table.write(
            file: "other", fields, [[.integer(10), .integer(1)], [.integer(11), nil], [.integer(12), .integer(0)]])
        let file = AddFile(
            path: DataPath(encoded: "other"), size: size, modificationTime: 1, dataChange: true, stats: #"{"numRecords":3}"#, baseRowId: 50,
            defaultRowCommitVersion: 2)
        // The rows that these two took over from the first file are gone there.
        let old = try #require(try await table.table.snapshot().files.first).add
        var marked = old
        marked.deletionVector = RoaringFixture.inline([0, 1])
        let remove = RemoveFile(old, deletionTimestamp: table.log.clock.now(), dataChange: true)
        try await table.log.commit(2, [Action.remove(remove), .add(marked), .add(file)].map { JSON.encode($0.json) })
        let expected: [Int64: Origin] = [
            2: Origin(row: 2, version: 1), 10: Origin(row: 1, version: 2), 11: Origin(row: 51, version: 2), 12: Origin(row: 0, version: 2),
        ]
        #expect(try await origins(table) == expected)
        _ = try await OptimizeOperation(table: table.table).run()
        #expect(try await table.table.snapshot().numFiles == 1)
        #expect(try await origins(table) == expected)
    }

    @Test func anAppendThatWasFasterTakesItsIdsFirst() async throws {
        let table = try await table()
        for start in [0, 10] { try await append(table, start..<(start + 10)) }
        let expected = try await origins(table)
        let hooked = HookedStore(wrapping: table.log.store) { try await self.append(table, 20..<25) }
        let result = try await OptimizeOperation(table: table.log.table(through: hooked)).run()
        #expect(result.version == 4)
        let after = try await table.table.snapshot()
        #expect(after.numFiles == 2)
        #expect(Set(after.files.map(\.baseRowId)) == [20, 25])
        #expect(after.domainMetadata["delta.rowTracking"]?.configuration == #"{"rowIdHighWaterMark":44}"#)
        let origins = try await origins(table)
        #expect(origins.filter { $0.key < 20 } == expected)
        #expect(origins[20] == Origin(row: 20, version: 3))
    }

    @Test func whereIdsCannotBeKeptNothingIsRewritten() async throws {
        for missing in Self.names.indices {
            let property = ["delta.rowTracking.materializedRowIdColumnName", "delta.rowTracking.materializedRowCommitVersionColumnName"][missing]
            let table = try await table(Self.tracked.filter { $0.key != property })
            for start in [0, 10] { try await append(table, start..<(start + 10)) }
            await #expect(throws: DeltaError.self) { try await OptimizeOperation(table: table.table).run() }
        }
        let table = try await table()
        let size = try await table.write(file: "a", [Field("id", .long)], [[.integer(1)]])
        try await table.write(file: "b", [Field("id", .long)], [[.integer(1)]])
        try await table.log.commit(1, [LogFixture.add("a", size: size), LogFixture.add("b", size: size)])
        await #expect(throws: DeltaError.self) { try await OptimizeOperation(table: table.table).run() }
        #expect(try await table.table.latestVersion() == 1)
    }

    @Test func whereTheyAreListedAndNotOnRowsGetFreshOnes() async throws {
        let table = try await table([:])
        for start in [0, 10] { try await append(table, start..<(start + 10)) }
        _ = try await OptimizeOperation(table: table.table).run()
        let after = try await table.table.snapshot()
        #expect(after.commitInfo?.members["tags"]?["delta.rowTracking.preserved"] == "false")
        #expect(after.files.first?.baseRowId == 20)
        #expect(try await table.open(try #require(after.files.first)).schema.fields.map(\.name) == ["id"])
    }
}
