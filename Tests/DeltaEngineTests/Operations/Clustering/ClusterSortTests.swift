import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport
import Testing

@testable import DeltaEngine

/// OPTIMIZE that sorts: all rows are there afterwards, where they should be, whatever the table is like.
@Suite struct ClusterSortTests {
    static let schema =
        #"{"type":"struct","fields":["#
        + [
            ("id", #""long""#), ("b", #""boolean""#), ("d", #""double""#), ("dec", #""decimal(30,4)""#), ("t", #""string""#), ("bin", #""binary""#),
            ("ts", #""timestamp""#), ("s", #"{"type":"struct","fields":[{"name":"x","type":"integer","nullable":true,"metadata":{}}]}"#),
            ("l", #"{"type":"array","elementType":"string","containsNull":true}"#),
            ("m", #"{"type":"map","keyType":"string","valueType":"long","valueContainsNull":true}"#),
        ].map { #"{"name":"\#($0)","type":\#($1),"nullable":true,"metadata":{}}"# }.joined(separator: ",") + "]}"

    private static func row(_ id: Int, _ random: SeededRandomSource) -> [Scalar?] {
        func maybe(_ value: @autoclosure () -> Scalar) -> Scalar? { random.integer(below: 8) == 0 ? nil : value() }
        let doubles: [Double] = [.nan, -0.0, 0, .infinity, 1, -1, 2.5]
        return [
            .integer(Int64(id)), maybe(.bool(random.next() & 1 == 0)), maybe(.double(doubles[random.integer(below: doubles.count)])),
            maybe(.decimal(Int128(random.integer(below: 1000)) << 50, scale: 4)), maybe(.string("text \(random.integer(below: 300))")),
            maybe(.binary(Bytes([UInt8(random.integer(below: 256)), 7]))), maybe(.timestamp(Int64(random.integer(below: 1_000_000_000)))),
            maybe(.structure([maybe(.integer(Int64(random.integer(below: 100))))])),
            maybe(.list((0..<random.integer(below: 4)).map { maybe(.string("e\($0)")) })),
            maybe(.map((0..<random.integer(below: 3)).map { .init(key: .string("k\($0)"), value: maybe(.integer(Int64($0)))) })),
        ]
    }

    private func table(files: Int, rows: Int, seed: UInt64 = 1, budget: Int64 = 512 << 20) async throws -> (SchemaFixture, DeltaTable) {
        let table = try await SchemaFixture(protocol: #"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#, schema: Self.schema)
        let random = SeededRandomSource(seed: seed)
        let fields = try SchemaJSON.parse(Self.schema).fields
        for file in 0..<files {
            try await table.append(file: "f\(file)", fields, (0..<rows).map { Self.row(file * rows + $0, random) })
        }
        let environment = EngineEnvironment(clock: table.log.clock, random: SeededRandomSource(seed: 3), memoryBudget: budget)
        return (table, DeltaTable(store: table.log.store, environment: environment))
    }

    /// The rows of the table's files, in the order of the files' names.
    private func ordered(_ table: SchemaFixture) async throws -> [[Scalar?]] {
        var rows: [[Scalar?]] = []
        for view in try await table.table.snapshot().files.sorted(by: { $0.path.decoded < $1.path.decoded }) {
            let file = try await table.open(view)
            for group in file.metadata.rowGroups.indices {
                let batch = try await file.readRowGroup(group)
                for row in 0..<batch.rowCount { rows.append(batch.columns.map { $0.value(at: row) }) }
            }
        }
        return rows
    }

    @Test(
        arguments: [(["id"], .zorder), (["t", "ts"], .hilbert), (["b", "d", "dec"], .hilbert), (["s.x", "bin"], .zorder)]
            as [([String], SpaceFillingCurve)])
    func aTinyBudgetGivesTheSameFilesAsALargeOne(columns: [String], curve: SpaceFillingCurve) async throws {
        var results: [[[Scalar?]]] = []
        for budget in [512 << 20, 256 << 10] as [Int64] {
            let (fixture, table) = try await table(files: 3, rows: 300, budget: budget)
            let before = try await fixture.rows()
            let result = try await OptimizeOperation(
                table: table, options: OptimizeOptions(zOrderBy: columns, curve: curve, targetFileSize: 20_000)
            ).run()
            #expect(result.metrics.numFilesRemoved == 3)
            #expect(result.metrics.zOrderStats?.mergedFiles.num == 3)
            #expect(try await fixture.rows() == before)
            results.append(try await ordered(fixture))
        }
        #expect(results[0].count == 900)
        #expect(results[0] == results[1])
    }

    /// Nulls first, NaN last.
    @Test func oneColumnIsSortedBySuchRanksAsTheSampleGives() async throws {
        let (fixture, table) = try await table(files: 2, rows: 300)
        _ = try await OptimizeOperation(table: table, options: OptimizeOptions(zOrderBy: ["D"])).run()
        let values = try await ordered(fixture).map { $0[2] }
        for (left, right) in zip(values, values.dropFirst()) {
            guard let left else { continue }
            guard let right else {
                Issue.record("a null behind \(left)")
                continue
            }
            #expect(Scalar.compare(left, right) != .descending)
        }
        #expect(values.first == .some(nil))
        #expect(values.last??.isNaN == true)
    }

    @Test func rowsOfOneKeyAreStreamed() async throws {
        let schema =
            #"{"type":"struct","fields":[{"name":"k","type":"integer","nullable":true,"metadata":{}},{"name":"t","type":"string","nullable":true,"metadata":{}}]}"#
        for distinct in [1, 2, 40] {
            let fixture = try await SchemaFixture(protocol: #"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#, schema: schema)
            let fields = try SchemaJSON.parse(schema).fields
            for file in 0..<4 {
                try await fixture.append(
                    file: "f\(file)", fields,
                    (0..<600).map { [.integer(Int64($0 % 10 == 0 ? $0 / 10 % distinct : 0)), .string("\(file) \($0) some more text for it")] })
            }
            let before = try await fixture.rows()
            let table = DeltaTable(
                store: fixture.log.store,
                environment: EngineEnvironment(clock: fixture.log.clock, random: SeededRandomSource(seed: 3), memoryBudget: 256 << 10))
            let result = try await OptimizeOperation(table: table, options: OptimizeOptions(zOrderBy: ["k"])).run()
            #expect(result.metrics.numFilesAdded == 1)
            #expect(try await fixture.rows() == before)
            let keys = try await ordered(fixture).map(\.[0])
            for (left, right) in zip(keys, keys.dropFirst()) {
                if let left, let right { #expect(Scalar.compare(left, right) != .descending) }
            }
        }
    }

    @Test func filesHaveTheirSizeAndStatistics() async throws {
        let (fixture, table) = try await table(files: 4, rows: 400)
        _ = try await OptimizeOperation(table: table, options: OptimizeOptions(zOrderBy: ["id", "ts"], targetFileSize: 10_000)).run()
        let files = try await fixture.table.snapshot().files
        #expect(files.count >= 3)
        for file in files {
            #expect((4_000..<20_000).contains(file.size), "\(file.size)")
            #expect(file.stats?.text.contains(#""minValues":{"id":"#) == true)
            let opened = try await fixture.open(file)
            #expect(opened.metadata.rowGroups.allSatisfy { $0.columns.allSatisfy { $0.columnIndex != nil && $0.offsetIndex != nil } })
        }
        let rows = files.compactMap(\.numRecords)
        #expect(rows.reduce(0, +) == 1600)
        #expect((rows.max() ?? 0) - (rows.min() ?? 0) < 200)
    }

    @Test func aDirectoryThatCannotBeWrittenToIsNamed() async throws {
        let (fixture, table) = try await table(files: 2, rows: 600, budget: 256 << 10)
        var environment = table.environment
        environment.scratchDirectory = "/nowhere/at/all"
        let before = try await fixture.table.snapshot().version
        let operation = OptimizeOperation(table: DeltaTable(store: table.store, environment: environment), options: OptimizeOptions(zOrderBy: ["id"]))
        let error = await #expect(throws: DeltaError.self) { try await operation.run() }
        #expect("\(error.map { "\($0)" } ?? "")".contains("/nowhere/at/all"))
        #expect(try await fixture.table.snapshot().version == before)
    }

    @Test(
        arguments: [
            (["nope"], "no column nope"), (["l"], "column l"), (["m"], "column m"), (["s"], "name one of its fields"), (["id", "ID"], "id is named twice"),
            (["s.y"], "no column s.y"), (["id.x"], "no column id.x"), ([""], "no column"),
        ] as [([String], String)])
    func whatCannotBeClusteredByIsRefused(columns: [String], message: String) async throws {
        let (_, table) = try await table(files: 2, rows: 5)
        let error = await #expect(throws: DeltaError.self) {
            try await OptimizeOperation(table: table, options: OptimizeOptions(zOrderBy: columns)).run()
        }
        #expect("\(error.map { "\($0)" } ?? "")".contains(message), "\(String(describing: error))")
    }

    // MARK: Features

    @Test func partitionsAreSortedEachByItself() async throws {
        let fixture = try await DataFixture(partitionBy: ["p"])
        for start in 0..<3 { try await fixture.append(start * 30..<start * 30 + 30) }
        let result = try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(zOrderBy: ["id"])).run()
        #expect(result.metrics.numFilesRemoved == 9)
        #expect(result.metrics.numFilesAdded == 3)
        #expect(result.metrics.partitionsOptimized == 3)
        #expect(try await fixture.ids() == (0..<90).map(Int64.init))
        await #expect(throws: DeltaError.self) {
            try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(zOrderBy: ["p"])).run()
        }
        let snapshot = try await fixture.table.snapshot()
        #expect(snapshot.commitInfo?.operationParameters?["zOrderBy"] == #"["id"]"#)
        #expect(snapshot.commitInfo?.operationParameters?["clusterBy"] == "[]")
        #expect(snapshot.files.allSatisfy { !$0.dataChange })
    }

    @Test func deletedRowsGoAndMissingColumnsAreNull() async throws {
        let before = #"{"type":"struct","fields":[{"name":"id","type":"integer","nullable":true,"metadata":{}}]}"#
        let after =
            #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{"delta.typeChanges":[{"fromType":"integer","toType":"long"}]}},"#
            + #"{"name":"more","type":"string","nullable":true,"metadata":{}}]}"#
        let fixture = try await SchemaFixture(protocol: SchemaFixture.protocolLine(["deletionVectors", "typeWidening"]), schema: before)
        try await fixture.append(file: "old", [Field("id", .integer)], (0..<20).map { [.integer($0)] })
        try await fixture.change(schema: after)
        try await fixture.append(file: "new", [Field("id", .long), Field("more", .string)], (20..<40).map { [.integer($0), .string("m\($0)")] })
        let old = try #require(try await fixture.table.snapshot().files.first { $0.path.decoded == "old" }).add
        var marked = old
        marked.deletionVector = RoaringFixture.inline([0, 7])
        let remove = RemoveFile(old, deletionTimestamp: fixture.log.clock.now(), dataChange: true)
        try await fixture.log.commit(try await fixture.table.latestVersion() + 1, [Action.remove(remove), .add(marked)].map { JSON.encode($0.json) })
        let rows = try await fixture.rows()
        #expect(rows.count == 38)
        let result = try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(zOrderBy: ["more", "id"])).run()
        #expect(result.metrics.numFilesAdded == 1)
        #expect(try await fixture.rows() == rows)
        #expect(try await fixture.table.snapshot().files.allSatisfy { $0.deletionVector == nil })
    }

    @Test func rowsKeepTheirIds() async throws {
        let names = ["_row-id", "_row-version"]
        let fixture = try await SchemaFixture(
            protocol: #"{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["rowTracking","domainMetadata"]}}"#,
            schema: #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}"#,
            configuration: [
                "delta.enableRowTracking": "true", "delta.rowTracking.materializedRowIdColumnName": names[0],
                "delta.rowTracking.materializedRowCommitVersionColumnName": names[1],
            ])
        for start in [0, 10, 20] { try await fixture.append(#"{"id":\#(100 - start)}"#, #"{"id":\#(200 - start)}"#, #"{"id":\#(50 - start)}"#) }
        _ = try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(zOrderBy: ["id"])).run()
        let snapshot = try await fixture.table.snapshot()
        let batch = try await fixture.open(try #require(snapshot.files.first)).readRowGroup(0)
        var found: [Int64: [Scalar?]] = [:]
        for row in 0..<batch.rowCount {
            if case let .integer(id)? = batch.columns[0].value(at: row) { found[id] = names.map { batch.column(named: $0)?.value(at: row) } }
        }
        var expected: [Int64: [Scalar?]] = [:]
        for (place, start) in [0, 10, 20].enumerated() {
            for (row, id) in [100, 200, 50].enumerated() { expected[Int64(id - start)] = [.integer(Int64(place * 3 + row)), .integer(Int64(place + 1))] }
        }
        #expect(found == expected)
        #expect(snapshot.commitInfo?.members["tags"]?["delta.rowTracking.preserved"] == "true")
    }

    @Test func mappedColumnsAreFoundByTheirNamesAndWrittenByTheirPhysicalOnes() async throws {
        func column(_ name: String, _ physical: String, _ id: Int) -> String {
            #"{"name":"\#(name)","type":"long","nullable":true,"metadata":{"delta.columnMapping.id":\#(id),"delta.columnMapping.physicalName":"\#(physical)"}}"#
        }
        let fixture = try await SchemaFixture(
            protocol: #"{"protocol":{"minReaderVersion":2,"minWriterVersion":5}}"#,
            schema: #"{"type":"struct","fields":[\#(column("a", "x", 1)),\#(column("x", "a", 2))]}"#,
            configuration: ["delta.columnMapping.mode": "name"])
        for value in 0..<3 { try await fixture.append(#"{"a":\#(10 - value),"x":\#(value)}"#) }
        let rows = try await fixture.rows()
        _ = try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(zOrderBy: ["a"])).run()
        #expect(try await fixture.rows() == rows)
        let file = try #require(try await fixture.table.snapshot().files.first)
        let batch = try await fixture.open(file).readRowGroup(0)
        #expect(batch.schema.fields.map(\.name) == ["x", "a"])
        #expect((0..<3).map { batch.columns[0].value(at: $0) } == [.integer(8), .integer(9), .integer(10)])
        #expect(file.tags?["ZCUBE_ZORDER_BY"] == #"["a"]"#)
    }

    @Test func variantsStayAsTheyAre() async throws {
        let parts = DataType.structure([Field("value", .binary, nullable: false), Field("metadata", .binary, nullable: false)])
        let schema =
            #"{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}},{"name":"v","type":"variant","nullable":true,"metadata":{}}]}"#
        let fixture = try await SchemaFixture(protocol: SchemaFixture.protocolLine(["variantType"]), schema: schema)
        for file in 0..<2 {
            try await fixture.append(
                file: "f\(file)", [Field("id", .long), Field("v", parts)],
                (0..<10).map {
                    [.integer(Int64(20 - $0 * 2 - file)), $0 == 3 ? nil : .structure([.binary(Bytes([12, UInt8($0)])), .binary(Bytes([1, 0, 0]))])]
                })
        }
        let rows = try await fixture.rows()
        _ = try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(zOrderBy: ["id"])).run()
        #expect(try await fixture.rows() == rows)
        #expect(try await fixture.table.snapshot().numFiles == 1)
        await #expect(throws: DeltaError.self) { try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(zOrderBy: ["v"])).run() }
    }

    // MARK: Faults

    private static let broken = ObjectStoreError.failed(path: "x", operation: "testing", message: "injected", retryable: true)

    @Test func aStoreThatFailsAtAnyRequestLosesNothing() async throws {
        var failedAt = 0
        while true {
            let fixture = try await DataFixture()
            for start in 0..<2 { try await fixture.append(start * 10..<start * 10 + 10) }
            let before = try await fixture.dataFiles()
            let position = failedAt
            let failing = FaultInjectingStore(wrapping: fixture.store) { $0.index == position && $0.operation != .delete ? .fails(Self.broken) : nil }
            let options = OptimizeOptions(zOrderBy: ["id"])
            do {
                _ = try await OptimizeOperation(table: fixture.table(through: failing), options: options).run()
            } catch {
                #expect(try await fixture.dataFiles() == before, "request \(position): \(error)")
                #expect(try await fixture.table.snapshot().version == 2, "request \(position): \(error)")
            }
            #expect(try await fixture.ids() == (0..<20).map(Int64.init), "request \(position)")
            _ = try await OptimizeOperation(table: fixture.table, options: options).run()
            #expect(try await fixture.liveFiles().count == 1, "request \(position)")
            #expect(try await fixture.ids() == (0..<20).map(Int64.init), "request \(position)")
            if failing.callCount <= position { break }
            failedAt += 1
        }
        #expect(failedAt > 10)
    }
}
