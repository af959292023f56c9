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
        #expect(snapshot.sizeInBytes == reference.files.reduce(0) { $0 + $1.value }, comment)
        #expect(snapshot.files.deletionVectors.count == reference.files.count { !$0.key.hasSuffix("|") }, comment)
        #expect(Set(snapshot.tombstones.map { key($0.path, $0.deletionVector) }) == reference.tombstones, comment)
        #expect(snapshot.transactions.mapValues(\.version) == reference.transactions, comment)
        #expect(snapshot.domainMetadata.mapValues(\.configuration) == reference.domains, comment)
        let grouped = snapshot.files.partitionGroups()
        #expect(grouped.reduce(0) { $0 + $1.files.count } == snapshot.numFiles, comment)
        for group in grouped { #expect(group.files.allSatisfy { snapshot.files[$0].partitionValues == group.values }, comment) }
    }

    /// A compaction of commits as the protocol says: the last word on each file, application and domain, in no order.
    private static func compaction(_ log: LogFixture, _ range: ClosedRange<Int64>) async throws -> String {
        var last: [String: String] = [:]
        for version in range {
            for line in try await log.text(LogFileName.commitPath(version)).split(separator: "\n") {
                let json = try JSON.parse(String(line))
                if let file = json["add"] ?? json["remove"] {
                    last["file \(file["path"]?.stringValue ?? "")|\(file["deletionVector"]?["pathOrInlineDv"]?.stringValue ?? "")"] = String(line)
                } else if let transaction = json["txn"] {
                    last["txn \(transaction["appId"]?.stringValue ?? "")"] = String(line)
                } else if let domain = json["domainMetadata"] {
                    last["domain \(domain["domain"]?.stringValue ?? "")"] = String(line)
                }
            }
        }
        return last.values.sorted().joined(separator: "\n")
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func ourStateIsTheReference(seed: UInt64) async throws {
        let random = SeededRandomSource(seed: seed)
        let log = LogFixture()
        // Tombstones outlive the history, so that checkpoints have them all.
        try await log.create(
            protocol: SchemaFixture.protocolLine(["deletionVectors", "v2Checkpoint"]), partitionColumns: ["day"],
            configuration: [
                "delta.checkpointPolicy": seed % 2 == 0 ? "v2" : "classic", "delta.deletedFileRetentionDuration": "interval 99999 days",
                "delta.logRetentionDuration": "interval 10 days", "delta.checkpoint.writeStatsAsStruct": seed % 3 == 0 ? "true" : "false",
            ])
        var states = [Reference()]
        var refreshed = try await log.table.snapshot()
        for version in 1...(20 + random.integer(below: 120)) {
            var state = states[version - 1]
            log.clock.advance(by: .seconds(43_200))
            try await log.commit(Int64(version), Self.commit(random, &state))
            states.append(state)
            if random.integer(below: 6) == 0 {
                refreshed = try await log.table.refresh(refreshed)
                Self.expect(refreshed, state, "seed \(seed), refreshed to version \(version)")
            }
        }
        let latest = Int64(states.count - 1)
        func expectAnywhere(from first: Int64, _ comment: String) async throws {
            Self.expect(try await log.table.snapshot(), states[states.count - 1], "seed \(seed), \(comment)")
            for _ in 0..<5 {
                let version = first + Int64(random.integer(below: Int(latest - first) + 1))
                Self.expect(try await log.table.snapshot(version: version), states[Int(version)], "seed \(seed), \(comment), version \(version)")
            }
        }
        try await expectAnywhere(from: 0, "from commits")
        for _ in 0..<3 {
            let start = 1 + Int64(random.integer(below: Int(latest) - 2))
            let range = start...min(latest, start + 1 + Int64(random.integer(below: 12)))
            let expected = try await Self.compaction(log, range)
            if range.count > 1 {
                _ = try await CompactLogOperation(table: log.table, options: CompactLogOptions(from: range.lowerBound, to: range.upperBound)).run()
                let written = try await log.text(LogFileName.compactedPath(range)).split(separator: "\n").sorted()
                #expect(written == expected.split(separator: "\n"), "seed \(seed), \(range) compacted")
            }
            try await expectAnywhere(from: 0, "with \(range) compacted")
        }
        // One of each layout on versions of their own, so that it is that one which is read.
        var versions = Set<Int64>()
        for layout in CheckpointLayout.allCases {
            var middle: Int64
            repeat { middle = Int64(random.integer(below: states.count)) } while !versions.insert(middle).inserted
            let name = try await layout.write(try await log.table.snapshot(version: middle), log, random)
            let opened = try await log.table.snapshot(version: middle)
            Self.expect(opened, states[Int(middle)], "seed \(seed), a checkpoint \(layout) of \(middle)")
            #expect(opened.segment.checkpoint?.files.first?.name == name, "seed \(seed), a checkpoint \(layout) of \(middle)")
            try await expectAnywhere(from: 0, "with a checkpoint \(layout) of \(middle)")
        }
        try await Checkpoint(table: log.table, snapshot: try await log.table.snapshot()).write()
        try await expectAnywhere(from: 0, "with a checkpoint of the last version")
        // What is left when the commits before the retention are gone.
        try await LogCleanup(table: log.table, snapshot: try await log.table.snapshot()).run()
        let checkpoints = try await LogListing.load(log.store, from: 0).checkpoints
        let first = try await log.table.history(limit: .max).last?.version ?? latest
        try await expectAnywhere(from: first == 0 ? 0 : checkpoints.first?.version ?? 0, "after cleanup")
    }
}
