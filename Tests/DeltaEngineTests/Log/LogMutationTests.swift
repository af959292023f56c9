import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Logs of every kind of file, damaged at random: each ends in a snapshot whose files can be looked at or in a typed error, within a second of
/// processor time.
///
/// LEVEE_SEED repeats a run, LEVEE_MUTATION one file of it; LEVEE_SOAK=1 makes it longer.
@Suite(.serialized) struct LogMutationTests {
    private static let seed = environmentVariable("LEVEE_SEED").flatMap { UInt64($0) } ?? 20_261_121
    private static let isSoak = environmentVariable("LEVEE_SOAK") == "1"

    /// A log of a few versions with all kinds of actions, and what may stand for its commits.
    private func log(policy: String) async throws -> LogFixture {
        let log = LogFixture()
        try await log.create(
            protocol: SchemaFixture.protocolLine(["deletionVectors", "v2Checkpoint"]), partitionColumns: ["day"],
            configuration: ["delta.checkpointPolicy": policy, "delta.checkpoint.writeStatsAsStruct": "true"])
        for version in 1...6 {
            let stats = #"{"numRecords":7,"minValues":{"id":\#(version)},"maxValues":{"id":9},"nullCount":{"id":0}}"#
            let vector = version % 2 == 0 ? "ab^-aqEH.-t@S}K{vb[*k^" : nil
            try await log.commit(
                Int64(version),
                [
                    #"{"commitInfo":{"operation":"WRITE","timestamp":5,"isBlindAppend":true}}"#,
                    LogFixture.add("day=1/f%20\(version)", partition: ["day": "2024-01-0\(version)"], stats: stats, vector: vector),
                    LogFixture.add("g\(version)", partition: ["day": nil]), LogFixture.remove("g\(version - 1)"),
                    LogFixture.txn("app\(version % 2)", Int64(version)),
                    #"{"domainMetadata":{"domain":"d\#(version % 3)","configuration":"{}","removed":\#(version == 4)}}"#,
                ])
        }
        return log
    }

    /// The paths of a log's files, and their bytes.
    private func files(_ log: LogFixture) async throws -> [(path: ObjectPath, bytes: [UInt8])] {
        var files: [(path: ObjectPath, bytes: [UInt8])] = []
        for object in try await log.store.list(prefix: "_delta_log/", startAfter: nil).all() {
            files.append((object.path, try await log.store.get(object.path).array))
        }
        return files
    }

    @Test(arguments: ["classic", "v2"]) func damageEndsInASnapshotOrAnError(policy: String) async throws {
        let log = try await log(policy: policy)
        for version in [Int64(3), 5] { try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot(version: version)).write() }
        let snapshot = try await log.table.snapshot()
        try await log.store.put(ObjectPath(LogFileName.checksumPath(6)), VersionChecksum.encode(snapshot, txnId: nil), mode: .overwrite)
        // What the checkpoints stand for goes, so that the damaged ones are not just left aside.
        for version in 0...2 { try await log.delete(LogFileName.commitPath(Int64(version))) }
        let originals = try await files(log)
        let only = environmentVariable("LEVEE_MUTATION").flatMap { Int($0) }
        let numbers = only.map { $0..<($0 + 1) } ?? 0..<(Self.isSoak ? 40_000 : 300)
        print("log mutations \(numbers) of \(originals.count) files from seed \(Self.seed) (LEVEE_SEED)")
        var outcomes: [String: Int] = [:]
        for number in numbers {
            let random = SeededRandomSource(seed: Self.seed &+ UInt64(number))
            let (path, original) = originals[random.integer(below: originals.count)]
            try await log.store.put(path, Bytes(Self.mutated(original, random)), mode: .overwrite)
            var outcome = "read"
            let before = ProcessUsage.processorSeconds
            do {
                try await Self.look(at: log.table)
            } catch let error as DeltaError {
                outcome = "refused"
                #expect(!error.description.isEmpty, "mutation \(number)")
            }
            #expect(ProcessUsage.processorSeconds - before < 1, "mutation \(number) of \(path)")
            outcomes[outcome, default: 0] += 1
            try await log.store.put(path, Bytes(original), mode: .overwrite)
        }
        print("log mutations: \(outcomes)")
        if only == nil { #expect(outcomes.count == 2) }
    }

    /// Everything that a snapshot has, and the history.
    private static func look(at table: DeltaTable) async throws {
        let snapshot = try await table.snapshot()
        for file in snapshot.files { _ = file.add }
        for tombstone in snapshot.tombstones { _ = (tombstone.path, tombstone.deletionVector, tombstone.partitionValue("day")) }
        _ = snapshot.files.partitionGroups()
        _ = try await table.refresh(snapshot)
        _ = try await table.history(limit: 3)
    }

    /// Vectors in files and in the log: damage ends in the rows of another vector of as many rows, or in an error.
    @Test func damagedDeletionVectorsAreErrors() async throws {
        let store = InMemoryStore()
        let path = try ObjectPath("v.bin")
        for number in 0..<(Self.isSoak ? 50_000 : 1500) {
            let random = SeededRandomSource(seed: Self.seed &+ UInt64(number))
            let rows = (0..<(1 + random.integer(below: 30))).map { _ in Int64(random.integer(below: 1 << 18)) }
            let vector = RoaringFixture.serialize(rows, as: number % 2 == 0 ? .smallest : .runs)
            let (bytes, offsets) = RoaringFixture.file([vector])
            let descriptor = DeletionVectorDescriptor(
                storageType: "p", pathOrInlineDv: "memory:///v.bin", offset: offsets[0], sizeInBytes: Int32(vector.count), cardinality: Int64(Set(rows).count))
            try await store.put(path, Bytes(Self.mutated(bytes, random)), mode: .overwrite)
            do {
                let read = try await DeletionVectorReader(files: TableFiles(store)).read(descriptor)
                #expect(read.count == descriptor.cardinality, "mutation \(number)")
            } catch is DeltaError, is ObjectStoreError {
                continue
            }
            // Without the file's checksum around it.
            if let read = try? RoaringFormat.parse(Bytes(Self.mutated(vector, random))) { _ = read.kept(in: 0..<2000) }
        }
    }

    /// One to four changes: bits, bytes, digits, pieces of other places, an end too early.
    private static func mutated(_ original: [UInt8], _ random: SeededRandomSource) -> [UInt8] {
        var bytes = original
        for _ in 0..<(1 + random.integer(below: 4)) {
            guard !bytes.isEmpty else { break }
            let place = random.integer(below: bytes.count)
            switch random.integer(below: 9) {
            case 0, 1: bytes[place] ^= 1 << UInt8(random.integer(below: 8))
            case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 3: bytes[place] = Array("{}[]\",:0-9\\n ".utf8)[random.integer(below: 13)]
            case 4: for index in place..<min(place + [2, 4, 8][random.integer(below: 3)], bytes.count) { bytes[index] = 0xff }
            case 5:
                if let digit = bytes[place...].firstIndex(where: { (0x30...0x39).contains($0) }) {
                    bytes.replaceSubrange(digit...digit, with: Array(["-1", "9223372036854775807", "1e99", "null", "\"\""][random.integer(below: 5)].utf8))
                }
            case 6: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
            case 7: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.integer(below: 20)))
            default:
                let source = random.integer(below: bytes.count)
                let length = min(8 + random.integer(below: 24), bytes.count - max(place, source))
                bytes.replaceSubrange(place..<(place + length), with: Array(bytes[source..<(source + length)]))
            }
        }
        if random.integer(below: 20) == 0 { bytes.removeSubrange(random.integer(below: max(1, bytes.count))..<bytes.count) }
        return bytes
    }
}
