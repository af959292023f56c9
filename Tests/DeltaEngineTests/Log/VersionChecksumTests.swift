import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct VersionChecksumTests {
    @Test func everyCommitGetsOneThatFitsItsState() async throws {
        let data = try await DataFixture(properties: ["delta.checkpointInterval": "3"])
        for batch in 0..<4 { try await data.append((batch * 10)..<(batch * 10 + 10)) }
        _ = try await OptimizeOperation(table: data.table).run()
        let latest = try await data.table.latestVersion()
        for version in 0...latest {
            let snapshot = try await data.table.snapshot(version: version)
            let text = try await data.store.get(ObjectPath(LogFileName.checksumPath(version)))
            let json = try JSON.parse(text)
            #expect(json["numFiles"] == .integer(Int64(snapshot.numFiles)))
            #expect(json["tableSizeBytes"] == .integer(snapshot.sizeInBytes))
            #expect(json["numMetadata"] == 1)
            #expect(json["numProtocol"] == 1)
            #expect(json["metadata"] == snapshot.metadata.json)
            #expect(json["protocol"] == snapshot.protocol.json)
            #expect(json["txnId"]?.stringValue == snapshot.commitInfo?.txnId)
            #expect(VersionChecksum(text)?.difference(from: snapshot) == nil)
        }
    }

    @Test func afterALostRaceItIsOfTheVersionThatWasMade() async throws {
        let log = LogFixture()
        try await log.create()
        let snapshot = try await log.table.snapshot()
        try await log.commit(1, [LogFixture.add("other", size: 5)])
        let transaction = Transaction(
            table: log.table, readSnapshot: snapshot, operation: OperationInfo("WRITE"), actions: [.add(LogFixture.file("mine"))])
        #expect(try await transaction.commit().version == 2)
        let json = try JSON.parse(try await log.text(LogFileName.checksumPath(2)))
        #expect(json["numFiles"] == 2)
        #expect(json["tableSizeBytes"] == 15)
    }

    @Test func oneThatIsThereIsNotReplaced() async throws {
        let log = LogFixture()
        try await log.create()
        try await log.put(LogFileName.checksumPath(1), "{}")
        let snapshot = try await log.table.snapshot()
        _ = try await Transaction(
            table: log.table, readSnapshot: snapshot, operation: OperationInfo("WRITE"), actions: [.add(LogFixture.file("mine"))]
        ).commit()
        #expect(try await log.text(LogFileName.checksumPath(1)) == "{}")
    }

    private static let metadata = LogFixture.metadata().dropFirst(#"{"metaData":"#.count).dropLast()

    private static func checksum(_ member: String, _ value: some StringProtocol) -> String {
        #"{"numFiles":1,"tableSizeBytes":100,"\#(member)":\#(value)}"#
    }

    /// What agrees, or says nothing that one could compare, is no difference.
    @Test(arguments: [
        checksum("metadata", metadata), checksum("setTransactions", #"[{"appId":"job","version":2}]"#), checksum("setTransactions", "7"),
        checksum("domainMetadata", #"[{"domain":"d","configuration":"1","removed":false},{"domain":"gone","configuration":"","removed":true}]"#),
        checksum("metadata", #"{"id":"other"}"#), checksum("protocol", "[]"),
    ])
    func agreementIsSilent(text: String) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(
            1, [LogFixture.add("a"), LogFixture.txn("job", 2), #"{"domainMetadata":{"domain":"d","configuration":"1","removed":false}}"#])
        #expect(VersionChecksum(Bytes(text))?.difference(from: try await log.table.snapshot()) == nil)
    }

    @Test(arguments: [
        (#"{"numFiles":2,"tableSizeBytes":200}"#, "1 files"), (#"{"numFiles":1,"tableSizeBytes":7}"#, "100 bytes"),
        (checksum("metadata", metadata.replacingFirst("11111111", with: "22222222")), "table id"),
        (checksum("metadata", metadata.replacingFirst(#"\"name\":\"id\""#, with: #"\"name\":\"x\""#)), "another schema"),
        (checksum("metadata", metadata.replacingFirst(#""partitionColumns":[]"#, with: #""partitionColumns":["day"]"#)), "partition columns"),
        (checksum("metadata", metadata.replacingFirst(#""configuration":{}"#, with: #""configuration":{"a":"b"}"#)), "table properties"),
        (checksum("setTransactions", #"[{"appId":"job","version":1}]"#), "application transactions"), (checksum("setTransactions", "[]"), "application"),
        (checksum("domainMetadata", "[]"), "domain metadata"),
        (checksum("domainMetadata", #"[{"domain":"d","configuration":"2","removed":false}]"#), "domain metadata"),
        (#"{"numFiles":1,"tableSizeBytes":100,"protocol":{"minReaderVersion":2,"minWriterVersion":5}}"#, "another protocol"),
        (#"{"numFiles":1,"tableSizeBytes":100,"numDeletionVectorsOpt":1}"#, "0 deletion vectors"),
        (#"{"numFiles":1,"tableSizeBytes":100,"numDeletedRecordsOpt":4}"#, "0 deleted rows"),
    ])
    func aDifferenceIsNamed(text: String, expected: String) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.commit(
            1, [LogFixture.add("a"), LogFixture.txn("job", 2), #"{"domainMetadata":{"domain":"d","configuration":"1","removed":false}}"#])
        try await log.put(LogFileName.checksumPath(1), text)
        let snapshot = try await log.table.snapshot()
        #expect(VersionChecksum(Bytes(text))?.difference(from: snapshot)?.contains(expected) == true)
    }

    @Test(arguments: ["", "{", "[]", #"{"numFiles":"many"}"#, "\u{0}"]) func oneThatCannotBeReadCountsAsMissing(text: String) async throws {
        let log = LogFixture()
        try await log.create()
        try await log.put(LogFileName.checksumPath(0), text)
        #expect(VersionChecksum(Bytes(text)) == nil)
        #expect(try await log.table.snapshot().version == 0)
    }
}

extension StringProtocol {
    /// With the first `part` replaced; itself where there is none.
    fileprivate func replacingFirst(_ part: String, with other: String) -> String {
        guard let range = firstRange(of: part) else { return String(self) }
        return String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}
