import Base
import DeltaEngine
import ObjectStore
import Testing

/// Logs that are damaged, forged or gone: each ends in an error that says where.
@Suite struct HostileLogTests {
    @Test(arguments: [
        #"{"add":{"path":"a","size":1,"dataCh"#,
        #"{"add":{"path":"a"}}"#,
        #"{"add":{"size":1,"partitionValues":{}}}"#,
        #"{"add":{"path":"","size":1}}"#,
        #"{"add":{"path":"a","size":"1"}}"#,
        #"{"add":{"path":"a","size":-1}}"#,
        #"{"add":{"path":"a","size":99999999999999999999}}"#,
        #"{"add":{"path":"a","size":1e400}}"#,
        #"{"add":{"path":"a","size":1,"stats":{"numRecords":1}}}"#,
        #"{"add":{"path":"a","size":1,"partitionValues":{"x":1}}}"#,
        #"{"add":{"path":"a","size":1,"partitionValues":[]}}"#,
        #"{"add":{"path":"\ud800","size":1}}"#,
        #"{"add":{"path":"a","size":1,"deletionVector":{"storageType":"u"}}}"#,
        #"{"add":[]}"#, #"{"remove":7}"#, #"{"txn":{"appId":3,"version":1}}"#, #"{"txn":{"appId":"a"}}"#,
        #"{"protocol":{"minReaderVersion":"1","minWriterVersion":2}}"#,
        "[1,2]", "nonsense", "{}{}", "\u{0}",
        String(repeating: #"{"x":"#, count: 2000),
    ])
    func aBadLineIsNamed(line: String) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("ok"), line])
        do {
            _ = try await log.table.snapshot()
            Issue.record("\(line.prefix(60)) was read")
        } catch let DeltaError.corruptCommit(version, number, _) {
            #expect(version == 1)
            #expect(number == 2)
        }
    }

    @Test(arguments: ["", "\n\n", "   \n"])
    func anEmptyCommitIsCorrupt(text: String) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.put(LogFileName.commitPath(1), text)
        await #expect(throws: DeltaError.corruptCommit(version: 1, line: nil, reason: "it has no action")) {
            try await log.table.snapshot()
        }
    }

    @Test func pathsThatAreNotUTF8AreCorrupt() async throws {
        let log = LogFixture()
        try await log.create()
        var bytes = Array(LogFixture.add("a!b").utf8)
        bytes = bytes.map { $0 == UInt8(ascii: "!") ? 0xFF : $0 }
        try await log.store.put(ObjectPath(LogFileName.commitPath(1)), Bytes(bytes), mode: .overwrite)
        await #expect(throws: DeltaError.corruptCommit(version: 1, line: 1, reason: "the path is not UTF-8")) { try await log.table.snapshot() }
    }

    @Test func nothingThereIsNoTable() async throws {
        let log = LogFixture()
        await #expect(throws: DeltaError.notATable(location: "memory:///")) { try await log.table.snapshot() }
        try await log.put("part-0.parquet", "x")
        try await log.put("_delta_log/_commits/00000000000000000000.abc.json", "x")
        try await log.put("_delta_log/readme.txt", "x")
        await #expect(throws: DeltaError.notATable(location: "memory:///")) { try await log.table.snapshot() }
        #expect(try await log.table.exists() == false)
    }

    @Test func gapsAreFound() async throws {
        let log = LogFixture()
        try await log.create()
        for version in 1...4 { try await log.commit(Int64(version), [LogFixture.add("f\(version)")]) }
        try await log.delete(LogFileName.commitPath(2))
        await #expect(throws: DeltaError.missingCommit(version: 2)) { try await log.table.snapshot() }
        #expect(try await log.table.snapshot(version: 1).paths == ["f1"])
        try await log.delete(LogFileName.commitPath(0))
        await #expect(throws: DeltaError.missingCommit(version: 0)) { try await log.table.snapshot() }
    }

    @Test(arguments: [(-1 as Int64), 3, .max])
    func versionsThatAreNotThereAreSaid(version: Int64) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("a")])
        await #expect(throws: DeltaError.versionNotAvailable(version: version, available: 0...1)) { try await log.table.snapshot(version: version) }
    }

    @Test(arguments: ["", "{", "[]", #"{"version":-1}"#, #"{"version":"x"}"#, #"{"version":7}"#, #"{"version":99999999999999999999}"#])
    func aUselessHintIsPassedOver(hint: String) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(1, [LogFixture.add("a")])
        try await log.put("_delta_log/_last_checkpoint", hint)
        #expect(try await log.table.snapshot().paths == ["a"])
    }

    @Test func aLogWithoutMetadataOrProtocolMakesNoSense() async throws {
        let log = LogFixture()
        try await log.commit(0, [#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#, LogFixture.add("a")])
        await #expect(throws: DeltaError.corruptLog(version: 0, reason: "it has no metaData action")) { try await log.table.snapshot() }
        try await log.commit(0, [LogFixture.metadata()])
        await #expect(throws: DeltaError.corruptLog(version: 0, reason: "it has no protocol action")) { try await log.table.snapshot() }
    }
}
