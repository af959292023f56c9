import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Random histories against the plainest reading of the protocol's reconciliation: a dictionary, oldest action first.
@Suite struct RandomHistoryTests {
    /// The state as a dictionary has it.
    private struct Reference {
        var files: [String: Int64] = [:]
        var tombstones: Set<String> = []
        var transactions: [String: Int64] = [:]
        var domains: [String: String] = [:]

        /// The files as `path/deletion vector`, and their sizes.
        mutating func add(_ key: String, size: Int64) {
            files[key] = size
            tombstones.remove(key)
        }

        mutating func remove(_ key: String) {
            files[key] = nil
            tombstones.insert(key)
        }
    }

    private static let vectors = ["ab^-aqEH.-t@S}K{vb[*k^", "cd^-aqEH.-t@S}K{vb[*k^"]

    /// One random commit, applied to the reference too.
    private static func commit(_ random: SeededRandomSource, _ reference: inout Reference) -> [String] {
        var lines = [#"{"commitInfo":{"operation":"RANDOM"}}"#]
        var touched: Set<String> = []
        for _ in 0..<random.integer(below: 8) {
            let name = "p=\(random.integer(below: 3))/f%20\(random.integer(below: 40))"
            let vector = random.integer(below: 4) == 0 ? vectors[random.integer(below: 2)] : nil
            let key = name + "|" + (vector ?? "")
            guard touched.insert(name).inserted else { continue }
            let size = Int64(random.integer(below: 1000))
            if random.integer(below: 3) > 0 {
                let stats = #"{"numRecords":\#(size),"minValues":{"id":"\#(String(repeating: "é\\\"", count: random.integer(below: 20)))"}}"#
                lines.append(
                    LogFixture.add(name, size: size, partition: ["day": random.integer(below: 5) == 0 ? nil : "d\(size % 4)"], stats: stats, vector: vector))
                reference.add(key, size: size)
            } else {
                lines.append(LogFixture.remove(name, vector: vector))
                reference.remove(key)
            }
        }
        if random.integer(below: 3) == 0 {
            let (app, version) = ("app\(random.integer(below: 3))", Int64(random.integer(below: 100)))
            lines.append(LogFixture.txn(app, version))
            reference.transactions[app] = version
        }
        if random.integer(below: 3) == 0 {
            let (domain, value, removed) = ("d\(random.integer(below: 3))", "v\(random.integer(below: 100))", random.integer(below: 3) == 0)
            lines.append(#"{"domainMetadata":{"domain":"\#(domain)","configuration":"\#(value)","removed":\#(removed)}}"#)
            reference.domains[domain] = removed ? nil : value
        }
        return lines
    }

    private static func expect(_ snapshot: Snapshot, _ reference: Reference, _ comment: Comment) {
        func key(_ path: DataPath, _ vector: DeletionVectorDescriptor?) -> String { path.encoded + "|" + (vector?.pathOrInlineDv ?? "") }
        let files = Dictionary(snapshot.files.map { (key($0.path, $0.deletionVector), $0.size) }) { $0 + $1 }
        #expect(files == reference.files, comment)
        #expect(snapshot.numFiles == reference.files.count, comment)
        // The vectors of ``LogFixture/add(_:size:partition:stats:dataChange:vector:)`` take two rows each.
        let rows = reference.files.reduce(0) { $0 + $1.value - ($1.key.hasSuffix("|") ? 0 : min(2, $1.value)) }
        #expect(snapshot.files.numRecords == rows, comment)
        #expect(Set(snapshot.tombstones.map { key($0.path, $0.deletionVector) }) == reference.tombstones, comment)
        #expect(snapshot.transactions.mapValues(\.version) == reference.transactions, comment)
        #expect(snapshot.domainMetadata.mapValues(\.configuration) == reference.domains, comment)
        let grouped = snapshot.files.partitionGroups()
        #expect(grouped.reduce(0) { $0 + $1.files.count } == snapshot.numFiles, comment)
        for group in grouped { #expect(group.files.allSatisfy { snapshot.files[$0].partitionValues == group.values }, comment) }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func ourStateIsTheReference(seed: UInt64) async throws {
        let random = SeededRandomSource(seed: seed)
        let log = LogFixture()
        let features = #"["deletionVectors"]"#
        try await log.create(
            protocol: #"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":\#(features),"writerFeatures":\#(features)}}"#,
            partitionColumns: ["day"])
        var states = [Reference()]
        var refreshed = try await log.table.snapshot()
        for version in 1...(20 + random.integer(below: 120)) {
            var state = states[version - 1]
            try await log.commit(Int64(version), Self.commit(random, &state))
            states.append(state)
            if random.integer(below: 6) == 0 {
                refreshed = try await log.table.refresh(refreshed)
                Self.expect(refreshed, state, "seed \(seed), refreshed to version \(version)")
            }
        }
        Self.expect(try await log.table.snapshot(), states[states.count - 1], "seed \(seed), from commits")
        // From a checkpoint in the middle, with and without the commits it stands for. Tombstones there are all fresh.
        let middle = Int64(random.integer(below: states.count))
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot(version: middle)).write()
        Self.expect(try await log.table.snapshot(), states[states.count - 1], "seed \(seed), from the checkpoint of \(middle)")
        Self.expect(try await log.table.snapshot(version: middle), states[Int(middle)], "seed \(seed), the checkpoint of \(middle)")
        for _ in 0..<5 {
            let version = random.integer(below: states.count)
            Self.expect(try await log.table.snapshot(version: Int64(version)), states[version], "seed \(seed), version \(version)")
        }
    }
}
