import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Every pair of operations, one of them held before its commit while the other, or two others, run from beginning to end.
@Suite struct InterleavingTests {
    enum Step: String, CaseIterable, Sendable {
        /// `delete` takes away a file as a whole, `deleteRows` some rows of each.
        case append, optimize, delete, deleteRows, vacuum, property

        var condition: String? {
            switch self {
            case .delete: "id < 10"
            case .deleteRows: "id % 10 = 3"
            case .append, .optimize, .vacuum, .property: nil
            }
        }

        /// Whether this one, held, does not survive the other.
        func conflicts(with other: Step) -> Bool {
            switch (self, other) {
            // Whoever changes the metadata is in everybody's way, as the protocol has it.
            case (_, .property): true
            // Both take away the same file, or change what it has.
            case (.optimize, .optimize), (.optimize, .delete), (.optimize, .deleteRows), (.delete, .optimize), (.delete, .delete), (.delete, .deleteRows),
                (.deleteRows, .optimize), (.deleteRows, .delete), (.deleteRows, .deleteRows):
                true
            default: false
            }
        }

        /// What it does to the ids of the table.
        func apply(to ids: inout [Int64], round: Int) {
            switch self {
            case .append: ids += (0..<3).map { Int64(1000 * round + $0) }
            case .delete: ids.removeAll { $0 < 10 }
            case .deleteRows: ids.removeAll { $0 % 10 == 3 }
            case .optimize, .vacuum, .property: break
            }
        }

        /// Does it through `table`, if there is anything to do.
        func run(_ data: DataFixture, _ table: DeltaTable, round: Int, maximumTries: Int = 1) async throws {
            switch self {
            case .append: try await data.append((1000 * round)..<(1000 * round + 3), to: table)
            case .optimize: _ = try await OptimizeOperation(table: table).run()
            case .vacuum: _ = try await VacuumOperation(table: table).run()
            case .delete, .deleteRows:
                _ = try await DeleteOperation(table: table, options: DeleteOptions(condition: condition, maximumTries: maximumTries)).run()
            case .property:
                let snapshot = try await table.snapshot()
                var metadata = snapshot.metadata
                metadata.configuration["round"] = "\(round)"
                _ = try await Transaction(table: table, readSnapshot: snapshot, operation: OperationInfo("SET TBLPROPERTIES"), actions: [.metadata(metadata)])
                    .commit()
            }
        }
    }

    /// A table of three files of ten rows, and a dead file that a vacuum takes.
    private func fixture(vectors: Bool) async throws -> DataFixture {
        let data = try await DataFixture(properties: vectors ? ["delta.enableDeletionVectors": "true"] : [:])
        try await data.store.put(ObjectPath("dead.parquet"), Bytes("x"), mode: .overwrite)
        data.clock.advance(by: .seconds(200 * 3600))
        for file in 0..<3 { try await data.append((file * 10)..<(file * 10 + 10)) }
        return data
    }

    private static let isSoak = environmentVariable("LEVEE_SOAK") == "1"
    /// Two others in a row are those that change rows or files, but in a soak.
    private static let sequences: [[Step]] = {
        let pairs: [Step] = isSoak ? Step.allCases : [.append, .optimize, .delete, .deleteRows]
        return Step.allCases.map { [$0] } + pairs.flatMap { first in pairs.map { [first, $0] } }
    }()

    @Test(arguments: Step.allCases, sequences) func everyInterleavingIsAnOrder(held: Step, others: [Step]) async throws {
        // Rows go by either way; of three operations at once each is tried in half of the cases, but in a soak.
        let isShort = !Self.isSoak && others.count > 1
        let isEven = (others + [held]).reduce(0) { $0 * 5 + (Step.allCases.firstIndex(of: $1) ?? 0) } % 2 == 0
        for vectors in isShort ? [isEven] : [false, true] {
            try await check(held, others, vectors: vectors, maximumTries: 1)
            // A DELETE that may try again finds out anew what is to go, and gets through.
            if held.condition != nil, !isShort { try await check(held, others, vectors: vectors, maximumTries: 3) }
        }
    }

    private func check(_ held: Step, _ others: [Step], vectors: Bool, maximumTries: Int) async throws {
        let data = try await fixture(vectors: vectors)
        let base = try await data.table.latestVersion()
        // The second of the others finds what the first has left, so that it may have nothing to do: then it is in nobody's way.
        let committed = Lock<[Step]>([])
        let table = data.table(
            through: HookedStore(wrapping: data.store) {
                for (place, other) in others.enumerated() {
                    let before = try await data.table.latestVersion()
                    try await other.run(data, data.table, round: place + 2)
                    if try await data.table.latestVersion() > before { committed.withLock { $0.append(other) } }
                }
            })
        var conflict: DeltaError?
        do {
            try await held.run(data, table, round: 1, maximumTries: maximumTries)
        } catch let error as DeltaError {
            conflict = error
        }
        var ids = (0..<30).map(Int64.init)
        for (place, other) in others.enumerated() { other.apply(to: &ids, round: place + 2) }
        let expectsConflict = maximumTries == 1 && committed.withLock { $0.contains { held.conflicts(with: $0) } }
        #expect((conflict != nil) == expectsConflict, "vectors \(vectors): \(String(describing: conflict))")
        if let conflict {
            guard case .commitConflict = conflict else { throw conflict }
        } else {
            held.apply(to: &ids, round: 1)
        }
        #expect(try await data.ids() == ids.sorted(), "vectors \(vectors)")
        // No version is left out, and none removes what is gone already.
        let latest = try await data.table.latestVersion()
        #expect(latest >= base + (conflict == nil && maximumTries == 1 ? 1 : 0))
        var live: Set<String> = []
        for version in 0...latest {
            let commit = try CommitReader.read(try await data.store.get(ObjectPath(LogFileName.commitPath(version))), version: version)
            for case let .remove(file) in commit.actions {
                #expect(live.remove(Self.identity(file.path, file.deletionVector)) != nil, "version \(version) removes \(file.path) again")
            }
            for case let .add(file) in commit.actions { live.insert(Self.identity(file.path, file.deletionVector)) }
        }
        // What a transaction wrote that gave up is gone.
        #expect(try await data.dataFiles().isSuperset(of: data.liveFiles()))
        if conflict != nil, committed.withLock({ !$0.contains(.vacuum) }) {
            let known = try await data.everyFile(upTo: latest)
            #expect(try await data.dataFiles().subtracting(["dead.parquet"]).isSubset(of: known), "vectors \(vectors)")
        }
    }

    private static func identity(_ path: DataPath, _ vector: DeletionVectorDescriptor?) -> String { "\(path) \(vector?.uniqueID ?? "")" }
}
