import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// What versions did to rows, from tables built action by action.
@Suite struct ChangesTests {
    private static let feedOn = ["delta.enableChangeDataFeed": "true"]
    private static let protocolLine =
        #"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors","columnMapping","typeWidening"],"#
        + #""writerFeatures":["deletionVectors","columnMapping","typeWidening","changeDataFeed"]}}"#
    private static let ids = [Field("id", .long)]

    private static func schema(_ fields: String...) -> String { #"{"type":"struct","fields":["# + fields.joined(separator: ",") + "]}" }

    private static func field(_ name: String, _ type: String = "long", nullable: Bool = true, _ metadata: String = "{}") -> String {
        #"{"name":"\#(name)","type":"\#(type)","nullable":\#(nullable),"metadata":\#(metadata)}"#
    }

    private func fixture(
        schema: String = ChangesTests.schema(field("id")), configuration: [String: String] = [:], partitionColumns: [String] = []
    ) async throws -> SchemaFixture {
        try await SchemaFixture(
            protocol: Self.protocolLine, schema: schema, configuration: Self.feedOn.merging(configuration) { $1 }, partitionColumns: partitionColumns)
    }

    /// The rows of changes without their times, each as text; in the order in which they come.
    private func changes(
        _ fixture: SchemaFixture, from: Int64, to: Int64? = nil, _ options: ReadOptions = ReadOptions()
    ) async throws -> [String] {
        let reader = try await ChangesReader.open(fixture.table, ChangeRange(from: .version(from), to: to.map { .version($0) }), options: options)
        var rows: [String] = []
        while let batch = try await reader.next() {
            for row in 0..<batch.rowCount {
                rows.append(
                    zip(batch.schema.fields, batch.columns).filter { $0.0.name != ChangesReader.timestampColumn }.map { field, column in
                        column.value(at: row).map { ValueText.plain($0, type: field.type) } ?? "-"
                    }.joined(separator: " "))
            }
        }
        return rows
    }

    /// An add or a remove of a file with a vector inside of the log.
    private static func line(_ name: String, size: Int64, _ vector: [Int64]?, isRemoved: Bool = false) -> String {
        let file = AddFile(
            path: DataPath(encoded: name), size: size, modificationTime: 1, dataChange: true, deletionVector: vector.map { RoaringFixture.inline($0) })
        let action: Action = isRemoved ? .remove(RemoveFile(file, deletionTimestamp: Timestamp(milliseconds: 5), dataChange: true)) : .add(file)
        return JSON.encode(action.json)
    }

    private static func changeData(_ name: String, size: Int64, partition: [String: String] = [:]) -> String {
        let values = PartitionValues(partition.map { ($0.key, $0.value) })
        return JSON.encode(Action.changeData(AddChangeData(path: DataPath(encoded: name), partitionValues: values, size: size)).json)
    }

    @Test func addsAreInsertsAndRemovesDeletesUnlessNoDataChanges() async throws {
        let table = try await fixture()
        let size = try await table.write(file: "a", Self.ids, [[.integer(1)], [.integer(2)]])
        try await table.log.commit(1, [LogFixture.add("a", size: size)])
        try await table.log.commit(2, [LogFixture.remove("a", dataChange: false), LogFixture.add("b", size: size, dataChange: false)])
        try await table.write(file: "b", Self.ids, [[.integer(1)], [.integer(2)]])
        let other = try await table.write(file: "c", Self.ids, [[.integer(3)]])
        try await table.log.commit(3, [LogFixture.add("c", size: other), LogFixture.remove("b")])
        #expect(try await changes(table, from: 0) == ["1 insert 1", "2 insert 1", "1 delete 3", "2 delete 3", "3 insert 3"])
        #expect(try await changes(table, from: 3, to: 3) == ["1 delete 3", "2 delete 3", "3 insert 3"])
        #expect(try await changes(table, from: 2, to: 2) == [])
        let chosen = ReadOptions(columns: ["_change_type", "id"], condition: "_commit_version = 3", limit: 2)
        #expect(try await changes(table, from: 0, chosen) == ["delete 1", "delete 2"])
    }

    @Test func changeFilesAloneCountWhereACommitHasThem() async throws {
        let table = try await fixture()
        let old = try await table.write(file: "a", Self.ids, [[.integer(1)], [.integer(2)]])
        try await table.log.commit(1, [LogFixture.add("a", size: old)])
        let new = try await table.write(file: "b", Self.ids, [[.integer(1)], [.integer(20)]])
        let fields = [Field("_change_type", .string), Field("id", .long)]
        let recorded = try await table.write(
            file: "_change_data/cdc", fields,
            [[.string("update_preimage"), .integer(2)], [.string("update_postimage"), .integer(20)], [.string("delete"), .integer(7)]])
        try await table.log.commit(
            2, [LogFixture.remove("a"), LogFixture.add("b", size: new), Self.changeData("_change_data/cdc", size: recorded)])
        #expect(try await changes(table, from: 2) == ["2 update_preimage 2", "20 update_postimage 2", "7 delete 2"])
        let chosen = ReadOptions(columns: ["_commit_version", "_change_type"], condition: "id > 5")
        #expect(try await changes(table, from: 2, chosen) == ["2 update_postimage", "2 delete"])
        // Without the column that says so nobody knows what became of the rows.
        try await table.log.commit(3, [Self.changeData("b", size: new)])
        await #expect(throws: DeltaError.self) { try await changes(table, from: 3) }
    }

    @Test(
        arguments: [
            (before: nil, after: [0, 3], expected: ["10 delete 2", "13 delete 2"]),
            (before: [0, 3], after: [0, 2, 3], expected: ["12 delete 2"]),
            (before: [0, 3], after: nil, expected: ["10 insert 2", "13 insert 2"]),
            (before: [0, 3], after: [3, 4], expected: ["14 delete 2", "10 insert 2"]),
            (before: [0, 3], after: [0, 3], expected: []),
            (before: nil, after: nil, expected: []),
        ] as [(before: [Int64]?, after: [Int64]?, expected: [String])])
    func rowsBetweenTwoVectorsOfAFileChanged(before: [Int64]?, after: [Int64]?, expected: [String]) async throws {
        let table = try await fixture()
        let size = try await table.write(file: "a", Self.ids, (10..<15).map { [.integer($0)] })
        try await table.log.commit(1, [Self.line("a", size: size, before)])
        let inserted = (10..<15).filter { !(before ?? []).contains($0 - 10) }.map { "\($0) insert 1" }
        #expect(try await changes(table, from: 1) == inserted)
        try await table.log.commit(2, [Self.line("a", size: size, before, isRemoved: true), Self.line("a", size: size, after)])
        #expect(try await changes(table, from: 2) == expected)
        // Taken away for good: what the vector had left goes.
        try await table.log.commit(3, [Self.line("a", size: size, after, isRemoved: true)])
        let left = (10..<15).filter { !(after ?? []).contains($0 - 10) }
        #expect(try await changes(table, from: 3) == left.map { "\($0) delete 3" })
    }

    @Test(arguments: ["name", "id"]) func mappedPartitionedAndWidenedColumnsAreSeenAsTheTableHasThem(mode: String) async throws {
        let mapping = ["delta.columnMapping.mode": mode]
        func column(_ name: String, _ type: String, _ id: Int, _ physical: String, _ more: String = "") -> String {
            Self.field(name, type, #"{"delta.columnMapping.id":\#(id),"delta.columnMapping.physicalName":"\#(physical)"\#(more)}"#)
        }
        let widened = #","delta.typeChanges":[{"fromType":"integer","toType":"long"}]"#
        let schema = Self.schema(column("n", "long", 1, "c1", widened), column("day", "date", 2, "c2"))
        let table = try await fixture(schema: schema, configuration: mapping, partitionColumns: ["day"])
        let size = try await table.write(file: "a", [Field("c1", .integer, metadata: ["parquet.field.id": 1])], [[.integer(7)]])
        try await table.log.commit(1, [LogFixture.add("a", size: size, partition: ["c2": "2024-02-29"])])
        let fields = [Field("c1", .long, metadata: ["parquet.field.id": 1]), Field("_change_type", .string)]
        let recorded = try await table.write(file: "cdc", fields, [[.integer(1 << 40), .string("update_postimage")]])
        try await table.log.commit(2, [Self.changeData("cdc", size: recorded, partition: ["c2": "2024-03-01"])])
        #expect(try await changes(table, from: 1) == ["7 2024-02-29 insert 1", "1099511627776 2024-03-01 update_postimage 2"])
        // A removal that does not say of which partition cannot be shown.
        try await table.log.commit(3, [LogFixture.remove("a")])
        await #expect(throws: DeltaError.self) { try await changes(table, from: 3) }
    }

    @Test func everyVersionOfTheRangeMustHaveTheFeedOn() async throws {
        let table = try await fixture()
        try await table.change(schema: Self.schema(Self.field("id")))
        try await table.change(schema: Self.schema(Self.field("id")), configuration: Self.feedOn)
        try await table.log.commit(3, [LogFixture.txn("a", 1)])
        #expect(try await changes(table, from: 0, to: 0) == [])
        #expect(try await changes(table, from: 2) == [])
        for (from, to, lacking) in [(0, 3, 1), (1, 3, 1), (1, 1, 1)] as [(Int64, Int64, Int64)] {
            await #expect(throws: DeltaError.changeDataNotRecorded(version: lacking, range: from...to)) { try await changes(table, from: from, to: to) }
        }
        // The property without the feature obliges no writer to anything.
        let log = LogFixture()
        try await log.create(
            protocol: #"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly"]}}"#, configuration: Self.feedOn)
        await #expect(throws: DeltaError.changeDataNotRecorded(version: 0, range: 0...0)) {
            try await ChangesReader.open(log.table, ChangeRange(from: .version(0)))
        }
    }

    @Test func addedColumnsAreNullInChangesFromBefore() async throws {
        let table = try await fixture()
        let size = try await table.write(file: "a", Self.ids, [[.integer(1)]])
        try await table.log.commit(1, [LogFixture.add("a", size: size)])
        try await table.change(schema: Self.schema(Self.field("id"), Self.field("text", "string")), configuration: Self.feedOn)
        try await table.log.commit(3, [LogFixture.remove("a")])
        #expect(try await changes(table, from: 1) == ["1 - insert 1", "1 - delete 3"])
        // The schema is that of the range's end, whatever came later.
        #expect(try await changes(table, from: 1, to: 1) == ["1 insert 1"])
        try await table.change(schema: Self.schema(Self.field("id", "string")), configuration: Self.feedOn)
        await #expect(
            throws: DeltaError.incompatibleChanges(version: 3, last: 4, reason: "the type of column id was changed from long to string")
        ) { try await changes(table, from: 3) }
        await #expect(throws: DeltaError.self) { try await changes(table, from: 1) }
    }

    @Test func commitsAreTimedByThemselvesOrByTheirFiles() async throws {
        let table = try await fixture()
        let start = table.log.clock.now().milliseconds
        func times(_ range: ChangeRange) async throws -> [Int64] {
            let reader = try await ChangesReader.open(table.table, range, options: ReadOptions(columns: ["_commit_timestamp"]))
            var times: [Int64] = []
            while let batch = try await reader.next() {
                for row in 0..<batch.rowCount {
                    if case let .timestamp(micros) = batch.columns[0].value(at: row) { times.append(micros / 1000 - start) }
                }
            }
            return times
        }
        let size = try await table.write(file: "a", Self.ids, [[.integer(1)]])
        for version in 1...3 {
            table.log.clock.advance(by: .seconds(10))
            try await table.log.commit(Int64(version), [#"{"commitInfo":{"inCommitTimestamp":5,"timestamp":6}}"#, LogFixture.add("a", size: size)])
        }
        #expect(try await times(ChangeRange(from: .version(0))) == [10_000, 20_000, 30_000])
        func at(_ offset: Int64) -> ChangeRange.Bound { .timestamp(Timestamp(milliseconds: start + offset)) }
        #expect(try await times(ChangeRange(from: at(10_000), to: at(20_000))) == [10_000, 20_000])
        #expect(try await times(ChangeRange(from: at(10_001), to: at(29_999))) == [20_000])
        #expect(try await times(ChangeRange(from: at(-5_000_000), to: at(9_000_000))) == [10_000, 20_000, 30_000])
        await #expect(throws: DeltaError.self) { try await times(ChangeRange(from: at(30_001))) }
        await #expect(throws: DeltaError.self) { try await times(ChangeRange(from: at(0), to: at(-1))) }
        await #expect(throws: DeltaError.self) { try await times(ChangeRange(from: at(20_001), to: at(29_999))) }
        await #expect(throws: DeltaError.self) { try await times(ChangeRange(from: .version(2), to: .version(1))) }
        await #expect(throws: DeltaError.self) { try await times(ChangeRange(from: .version(2), to: .version(4))) }
        // From version 4 on by the commits' own word.
        let features = #""writerFeatures":["changeDataFeed","inCommitTimestamp"]"#
        let configuration = Self.feedOn.merging([
            "delta.enableInCommitTimestamps": "true", "delta.inCommitTimestampEnablementVersion": "4",
            "delta.inCommitTimestampEnablementTimestamp": String(start + 90_000),
        ]) { $1 }
        try await table.log.commit(
            4,
            [
                #"{"commitInfo":{"inCommitTimestamp":\#(start + 90_000)}}"#, #"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,\#(features)}}"#,
                LogFixture.metadata(schema: Self.schema(Self.field("id")), configuration: configuration), LogFixture.add("a", size: size),
            ])
        #expect(try await times(ChangeRange(from: .version(3))) == [30_000, 90_000])
        #expect(try await times(ChangeRange(from: at(80_000))) == [90_000])
    }

    @Test func aMergeThatChangedNothingShowsNothing() async throws {
        let table = try await fixture()
        let size = try await table.write(file: "a", Self.ids, [[.integer(1)]])
        func info(_ inserted: Int) -> String {
            #"{"commitInfo":{"operation":"MERGE","operationMetrics":{"numTargetRowsInserted":"\#(inserted)","numTargetRowsUpdated":"0","numTargetRowsDeleted":"0"}}}"#
        }
        try await table.log.commit(1, [info(1), LogFixture.add("a", size: size)])
        try await table.write(file: "b", Self.ids, [[.integer(1)]])
        try await table.log.commit(2, [info(0), LogFixture.remove("a"), LogFixture.add("b", size: size)])
        #expect(try await changes(table, from: 0) == ["1 insert 1"])
    }

    @Test func versionsThatCleanupTookAreSaidToBeGone() async throws {
        let table = try await fixture()
        for version in 1...3 { try await table.log.commit(Int64(version), [LogFixture.txn("a", Int64(version))]) }
        try await Checkpoint(table: table.table, snapshot: try await table.table.snapshot(version: 2)).write()
        try await table.log.delete(LogFileName.commitPath(0), LogFileName.commitPath(1))
        await #expect(throws: DeltaError.versionNotAvailable(version: 1, available: 2...3)) { try await changes(table, from: 1) }
        #expect(try await changes(table, from: 2) == [])
        try await table.log.commit(5, [LogFixture.txn("a", 5)])
        await #expect(throws: DeltaError.missingCommit(version: 4)) { try await changes(table, from: 2, to: 5) }
    }

    @Test func aTableWithAColumnOfTheFeedsNameHasNoFeed() async throws {
        let table = try await fixture(schema: Self.schema(Self.field("id"), Self.field("_Commit_version")))
        await #expect(throws: DeltaError.self) { try await changes(table, from: 0) }
    }
}
