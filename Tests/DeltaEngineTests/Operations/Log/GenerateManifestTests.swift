import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct GenerateManifestTests {
    /// The manifests by directory, each with the files that it names below the table's root.
    private func manifests(_ store: InMemoryStore) async throws -> [String: [String]] {
        var found: [String: [String]] = [:]
        for object in try await store.list(prefix: SymlinkManifest.directory, startAfter: nil).all() {
            let name = object.path.string.dropFirst(SymlinkManifest.directory.count)
            let lines = try await store.get(object.path).text.split(separator: "\n")
            #expect(lines.allSatisfy { $0.hasPrefix("memory:///") })
            found[String(name)] = lines.map { String($0.dropFirst("memory:///".count)) }
        }
        return found
    }

    private func expectCurrent(_ fixture: DataFixture) async throws {
        let found = try await manifests(fixture.store)
        #expect(Set(found.values.flatMap(\.self)) == (try await fixture.liveFiles()))
        for (name, files) in found {
            #expect(name.hasSuffix("manifest"))
            #expect(files.allSatisfy { $0.hasPrefix(name.dropLast("manifest".count)) }, "\(name): \(files)")
        }
    }

    @Test(arguments: [[], ["p"]]) func itNamesTheFilesOfTheVersion(partitionBy: [String]) async throws {
        let fixture = try await DataFixture(partitionBy: partitionBy)
        try await fixture.append(0..<9)
        try await fixture.append(9..<12)
        let result = try await GenerateManifestOperation(table: fixture.table).run()
        #expect(result.version == 2 && result.metrics.numManifestsWritten == (partitionBy.isEmpty ? 1 : 3))
        #expect(result.metrics.numFiles == (partitionBy.isEmpty ? 2 : 6))
        try await expectCurrent(fixture)
        // What is left of a partition that is gone, and of Hadoop's checksums, goes.
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "p = 'p1'")).run()
        let stray = try ObjectPath(SymlinkManifest.directory + (partitionBy.isEmpty ? "" : "p=p0/") + ".manifest.crc")
        try await fixture.store.put(stray, Bytes("crc"), mode: .overwrite)
        let dry = try await GenerateManifestOperation(table: fixture.table, options: GenerateManifestOptions(dryRun: true)).run()
        #expect(try await fixture.store.head(stray).sizeInBytes == 3)
        #expect(try await GenerateManifestOperation(table: fixture.table).run() == dry)
        #expect(dry.metrics.numManifestsRemoved == (partitionBy.isEmpty ? 1 : 2))
        try await expectCurrent(fixture)
        await #expect(throws: DeltaError.versionMismatch(expected: 1, actual: 3)) {
            try await GenerateManifestOperation(
                table: fixture.table, options: GenerateManifestOptions(conditions: CommitConditions(expectedVersion: 1))
            ).run()
        }
    }

    @Test func aTableWithoutFilesHasAnEmptyOne() async throws {
        let fixture = try await DataFixture()
        #expect(try await GenerateManifestOperation(table: fixture.table).run().metrics.numFiles == 0)
        #expect(try await manifests(fixture.store) == ["manifest": []])
    }

    /// Null has two spellings in the log, and one directory.
    @Test func partitionsThatAreOneToHiveShareAManifest() async throws {
        let log = LogFixture()
        try await log.create(partitionColumns: ["day"])
        try await log.commit(
            1,
            [
                LogFixture.add("day=__HIVE_DEFAULT_PARTITION__/a", partition: ["day": nil]),
                LogFixture.add("day=__HIVE_DEFAULT_PARTITION__/b", partition: ["day": ""]),
                LogFixture.add("day=2024-01-01/c%20d", partition: ["day": "2024-01-01"]),
            ])
        _ = try await GenerateManifestOperation(table: log.table).run()
        let found = try await manifests(log.store)
        #expect(found["day=__HIVE_DEFAULT_PARTITION__/manifest"] == ["day=__HIVE_DEFAULT_PARTITION__/a", "day=__HIVE_DEFAULT_PARTITION__/b"])
        #expect(found["day=2024-01-01/manifest"] == ["day=2024-01-01/c d"])
    }

    @Test func whatFilesAloneDoNotTellIsRefused() async throws {
        let fixture = try await DataFixture(properties: ["delta.enableDeletionVectors": "true"])
        try await fixture.append(0..<9)
        _ = try await GenerateManifestOperation(table: fixture.table).run()
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "id = 4")).run()
        await #expect {
            _ = try await GenerateManifestOperation(table: fixture.table).run()
        } throws: {
            "\($0)".contains("levee table reorg")
        }
        _ = try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(selection: .deletionVectors)).run()
        _ = try await GenerateManifestOperation(table: fixture.table).run()
        try await expectCurrent(fixture)
    }

    @Test(arguments: [[], ["p"]]) func thePropertyKeepsItUpToDate(partitionBy: [String]) async throws {
        let fixture = try await DataFixture(partitionBy: partitionBy, properties: [SymlinkManifest.property: "true"])
        try await fixture.append(0..<9)
        try await expectCurrent(fixture)
        try await fixture.append(9..<10)
        try await expectCurrent(fixture)
        _ = try await OptimizeOperation(table: fixture.table).run()
        try await expectCurrent(fixture)
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: "p = 'p1'")).run()
        try await expectCurrent(fixture)
        _ = try await RestoreOperation(table: fixture.table, options: RestoreOptions(target: .version(1))).run()
        try await expectCurrent(fixture)
        _ = try await DeleteOperation(table: fixture.table, options: DeleteOptions(condition: nil)).run()
        try await expectCurrent(fixture)
    }

    /// A manifest that cannot be written does not undo the commit.
    @Test func aFailureLeavesTheCommitStanding() async throws {
        let fixture = try await DataFixture(properties: [SymlinkManifest.property: "true"])
        let failing = FaultInjectingStore(wrapping: fixture.store) {
            $0.path.hasPrefix(SymlinkManifest.directory) && $0.operation == .put ? .fails(.permissionDenied(path: $0.path, operation: "put")) : nil
        }
        try await fixture.append(0..<3, to: fixture.table(through: failing))
        #expect(try await fixture.ids() == [0, 1, 2])
        #expect(try await manifests(fixture.store).isEmpty)
        try await fixture.append(3..<4)
        try await expectCurrent(fixture)
    }
}

@Suite struct StatisticsCountTests {
    @Test(arguments: [
        (#"{"numRecords":12}"#, 12 as Int64?), (#"{"numRecords":12,"minValues":{}}"#, 12), (#"{"numRecords": 12}"#, 12), (#"{ "numRecords" : 0 }"#, 0),
        (#"{"minValues":{"numRecords":7},"numRecords":3}"#, 3), (#"{"numRecords":-1}"#, nil), (#"{"numRecords":"12"}"#, nil), (#"{"numRecords":1.5}"#, nil),
        (#"{"numRecords":99999999999999999999}"#, nil), (#"{"numRecords":"#, nil), (#"{}"#, nil), ("", nil),
    ])
    func theNumberOfRowsIsFoundHoweverItIsSpelled(text: String, expected: Int64?) {
        #expect(Bytes(text).withUnsafeBytes(StatisticsText.recordCount) == expected)
    }
}
