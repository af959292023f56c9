import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct ComputeStatisticsTests {
    private static func compute(_ table: DeltaTable, _ options: ComputeStatisticsOptions = ComputeStatisticsOptions()) async throws -> ComputeStatisticsResult {
        try await ComputeStatisticsOperation(table: table, options: options).run()
    }

    /// The statistics of all files by path, parsed.
    private static func statistics(_ table: DeltaTable) async throws -> [String: JSONValue] {
        var found: [String: JSONValue] = [:]
        for file in try await table.snapshot().files { found[file.path.encoded] = try file.stats.map { try JSON.parse($0) } ?? .null }
        return found
    }

    /// Takes statistics out of all commits, but what the table's features need.
    private static func strip(_ log: LogFixture, keepingCounts: Bool) async throws {
        for version in 1...(try await log.table.latestVersion()) {
            let lines = try await log.text(LogFileName.commitPath(version)).split(separator: "\n").map { line -> String in
                var json = try JSON.parse(String(line))
                guard var add = json["add"], let stats = add["stats"]?.stringValue else { return String(line) }
                let parsed = try JSON.parse(stats)
                var kept: JSONObject = [:]
                if keepingCounts {
                    kept["numRecords"] = parsed["numRecords"]
                    if let tight = parsed["tightBounds"] { kept["tightBounds"] = tight }
                }
                add["stats"] = keepingCounts ? .string(JSON.encode(.object(kept))) : .null
                json["add"] = add
                return JSON.encode(json)
            }
            try await log.commit(version, lines)
        }
    }

    /// The writer sees every value; what is found afterwards must be what it saw, by whichever way.
    @Test(arguments: DeleteFixture.Features.all.enumerated().filter { $0.offset % 5 == 0 || environmentVariable("LEVEE_SOAK") != nil }.map(\.element))
    func whatIsFoundIsWhatTheWriterSaw(features: DeleteFixture.Features) async throws {
        let random = SeededRandomSource(seed: 7)
        let fixture = try await DeleteFixture(features)
        for start in [0, 40, 80] { try await fixture.append(40, from: start, random) }
        if features.vectors { _ = try await DeleteOperation(table: fixture.table.table, options: DeleteOptions(condition: "id % 4 = 1")).run() }
        let written = try await Self.statistics(fixture.table.table)
        let rows = try await fixture.table.rows()
        let origins = features.tracking ? try await fixture.origins() : [:]
        try await Self.strip(fixture.table.log, keepingCounts: features.vectors || features.tracking)
        let before = try await fixture.table.table.snapshot()

        let result = try await Self.compute(fixture.table.table)
        #expect(result.metrics.numUpdatedFiles == Int64(written.count), "\(features)")
        #expect(try await Self.statistics(fixture.table.table) == written, "\(features)")
        let after = try await fixture.table.table.snapshot()
        #expect(after.version == before.version + 1 && after.commitInfo?.operation == "COMPUTE STATS")
        #expect(try await fixture.table.rows() == rows)
        func rest(_ snapshot: Snapshot) -> Set<AddFile> {
            Set(
                snapshot.files.map {
                    var add = $0.add
                    add.stats = nil
                    add.dataChange = false
                    return add
                })
        }
        #expect(rest(after) == rest(before) && after.tombstones.count == before.tombstones.count)
        if features.tracking {
            #expect(try await fixture.origins() == origins)
            #expect(after.commitInfo?.members["tags"]?["delta.rowTracking.preserved"]?.stringValue == "true")
        }
        if features.feed { #expect(try await fixture.changes(of: after.version).isEmpty) }
        // There is nothing to do a second time.
        #expect(try await Self.compute(fixture.table.table).version == nil)
        #expect(try await Self.compute(fixture.table.table, ComputeStatisticsOptions(missingOnly: true)).metrics.numFilesConsidered == 0)
    }

    @Test func onlyWhatIsMissingIsLookedIntoAndOnlyInThePartitionsAsked() async throws {
        let fixture = try await DataFixture(partitionBy: ["p"])
        try await fixture.append(0..<9)
        try await Self.strip(LogFixture(fixture), keepingCounts: false)
        try await fixture.append(9..<12)
        let dry = try await Self.compute(fixture.table, ComputeStatisticsOptions(condition: "p = 'p1'", missingOnly: true, dryRun: true))
        #expect(dry.version == nil && dry.metrics.numUpdatedFiles == 1 && dry.metrics.numFilesConsidered == 1)
        let done = try await Self.compute(fixture.table, ComputeStatisticsOptions(missingOnly: true))
        #expect(done.metrics.numUpdatedFiles == 3 && done.metrics.numFilesConsidered == 3)
        #expect(try await Self.statistics(fixture.table).values.allSatisfy { $0["numRecords"] != nil })
        #expect(try await fixture.ids() == Array(0..<12))
    }

    /// Numbers and short types say all in the footer; text may have been cut there, and numbers with fractions may be NaN.
    @Test func footersAreEnoughForWhatTheySayExactly() async throws {
        let schema = Schema([Field("id", .long), Field("n", .integer), Field("d", .date)])
        let fixture = try await SchemaFixture(protocol: #"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#, schema: SchemaJSON.encode(schema))
        try await fixture.append(#"{"id":1,"n":5,"d":"2024-01-01"}"#, #"{"id":3,"n":null,"d":"2024-01-03"}"#)
        try await Self.strip(fixture.log, keepingCounts: false)
        let recording = RecordingStore(fixture.log.store)
        let result = try await Self.compute(fixture.log.table(through: recording))
        #expect(result.metrics.numFilesFromFooters == 1 && result.metrics.numDecodedColumns == 0)
        #expect(recording.bytesOfRanges == 0)
        let text = try #require(try await Self.statistics(fixture.table).values.first)
        #expect(
            text
                == (try JSON.parse(
                    #"{"numRecords":2,"minValues":{"id":1,"n":5,"d":"2024-01-01"},"maxValues":{"id":3,"n":5,"d":"2024-01-03"},"nullCount":{"id":0,"n":1,"d":0}}"#
                )))
    }

    @Test func theTablesPropertiesSayWhichColumns() async throws {
        let fixture = try await DataFixture(properties: ["delta.dataSkippingStatsColumns": "text"])
        try await fixture.append(0..<4)
        try await Self.strip(LogFixture(fixture), keepingCounts: false)
        _ = try await Self.compute(fixture.table)
        let text = try #require(try await Self.statistics(fixture.table).values.first)
        #expect(text == (try JSON.parse(#"{"numRecords":4,"minValues":{"text":"row 0"},"maxValues":{"text":"row 3"},"nullCount":{"text":0}}"#)))
    }

    /// A column that came later is null in older files, and narrower types hold the wider one's values.
    @Test func olderFilesSpeakOfTheTableAsItIs() async throws {
        let long = Schema([Field("n", .long), Field("late", .string)])
        let fixture = try await SchemaFixture(
            protocol: SchemaFixture.protocolLine(["typeWidening", "timestampNtz"]), schema: SchemaJSON.encode(long))
        try await fixture.append(file: "old.parquet", [Field("n", .integer)], [[.integer(4)], [.integer(-7)], [nil]])
        _ = try await Self.compute(fixture.table)
        let text = try #require(try await Self.statistics(fixture.table).values.first)
        #expect(text == (try JSON.parse(#"{"numRecords":3,"minValues":{"n":-7},"maxValues":{"n":4},"nullCount":{"n":1,"late":3}}"#)))
    }

    @Test func aFileWithOtherRowsThanTheLogSaysIsNamed() async throws {
        let fixture = try await SchemaFixture(
            protocol: #"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#, schema: SchemaJSON.encode(Schema([Field("n", .integer)])))
        let size = try await fixture.write(file: "f.parquet", [Field("n", .integer)], [[.integer(4)]])
        try await fixture.log.commit(1, [LogFixture.add("f.parquet", size: size, stats: #"{"numRecords":2}"#)])
        await #expect {
            _ = try await Self.compute(fixture.table)
        } throws: {
            "\($0)".contains("f.parquet") && "\($0)".contains("levee table repair")
        }
        #expect(try await fixture.table.latestVersion() == 1)
    }

    /// What another writer removed meanwhile does not come back; what was read of the others is not read again.
    @Test func aFileThatIsRemovedMeanwhileStaysRemoved() async throws {
        let fixture = try await DataFixture(partitionBy: ["p"])
        try await fixture.append(0..<9)
        try await Self.strip(LogFixture(fixture), keepingCounts: false)
        let recording = RecordingStore(fixture.store)
        let hooked = HookedStore(wrapping: recording) {
            _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "p = 'p1'")).run()
        }
        let result = try await Self.compute(fixture.table(through: hooked))
        #expect(result.tries == 2 && result.metrics.numUpdatedFiles == 2)
        #expect(try await fixture.ids() == [0, 2, 3, 5, 6, 8])
        let footers = recording.takeRequests().filter { $0.hasPrefix("get p=") }
        #expect(Set(footers).count == 3)
        #expect(footers.count == 3, "a footer each, once: \(footers)")
        #expect(try await Self.statistics(fixture.table).values.allSatisfy { $0["numRecords"] == 3 })
    }

    @Test func aRunIsCommittedOnce() async throws {
        let fixture = try await DataFixture()
        try await fixture.append(0..<4)
        try await Self.strip(LogFixture(fixture), keepingCounts: false)
        let conditions = CommitConditions(idempotency: .init(appId: "a", version: 1))
        let first = try await Self.compute(fixture.table, ComputeStatisticsOptions(conditions: conditions))
        #expect(first.version == 2 && !first.alreadyApplied)
        #expect(try await Self.compute(fixture.table, ComputeStatisticsOptions(conditions: conditions)).alreadyApplied)
        await #expect(throws: DeltaError.versionMismatch(expected: 1, actual: 2)) {
            try await Self.compute(fixture.table, ComputeStatisticsOptions(conditions: CommitConditions(expectedVersion: 1)))
        }
    }
}

/// Bounds by rows against the plainest search, over all types, with and without nulls around.
@Suite struct LeafBoundsTests {
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64]) func boundsAreThoseOfAPlainSearch(seed: UInt64) throws {
        let random = SeededRandomSource(seed: seed)
        let types: [DataType] = [
            .byte, .short, .integer, .long, .float, .double, .date, .timestamp, .timestampNTZ, .decimal(precision: 9, scale: 2),
            .decimal(precision: 38, scale: 5), .string,
        ]
        for type in types {
            var leaf = LeafBounds(hasBounds: true)
            var expected: [Scalar] = []
            var nulls: Int64 = 0
            var sawNaN = false
            for _ in 0..<4 {
                let builder = ColumnBuilder(type: type)
                var values: [Scalar?] = []
                for _ in 0..<(1 + random.integer(below: 20)) {
                    let value = random.integer(below: 4) == 0 ? nil : Self.value(type, random)
                    values.append(value)
                    try builder.append(value)
                }
                let present: [Bool]? = random.integer(below: 2) == 0 ? nil : values.map { _ in random.integer(below: 3) > 0 }
                leaf.add(builder.finish(), present: present)
                for (row, value) in values.enumerated() {
                    guard let value, present?[row] ?? true else {
                        nulls += 1
                        continue
                    }
                    if value.isNaN { sawNaN = true } else { expected.append(value) }
                }
            }
            let ordered = expected.sorted { Scalar.compare($0, $1) == .ascending }
            #expect(leaf.statistics.minimum == ordered.first, "\(type), seed \(seed)")
            #expect(leaf.statistics.maximum == ordered.last, "\(type), seed \(seed)")
            #expect(leaf.statistics.nullCount == nulls && leaf.statistics.hasNaN == sawNaN, "\(type), seed \(seed)")
        }
    }

    private static func value(_ type: DataType, _ random: SeededRandomSource) -> Scalar {
        let number = Int64(random.integer(below: 200)) - 100
        switch type {
        case .float: return .float([.nan, .infinity, -0.0, 0, Float(number) / 3][random.integer(below: 5)])
        case .double: return .double([.nan, -.infinity, -0.0, 0, Double(number) / 3][random.integer(below: 5)])
        case .date: return .date(Int32(number))
        case .timestamp: return .timestamp(number)
        case .timestampNTZ: return .timestampNTZ(number)
        case let .decimal(_, scale): return .decimal(Int128(number), scale: scale)
        case .string: return .string(["", "a", "aa", "b", "é", "日本"][random.integer(below: 6)])
        default: return .integer(number)
        }
    }
}
