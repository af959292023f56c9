import Base
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Every pair of operations, one of them held before its commit while the other, or two others, run from beginning to end.
@Suite struct InterleavingTests {
    enum Step: String, CaseIterable, Sendable {
        case append, optimize, delete, vacuum, property

        /// Whether this one, held, does not survive the other.
        func conflicts(with other: Step) -> Bool {
            switch (self, other) {
            // Whoever changes the metadata is in everybody's way, as the protocol has it.
            case (_, .property): true
            // Both take away the same file.
            case (.optimize, .optimize), (.optimize, .delete), (.delete, .optimize), (.delete, .delete): true
            default: false
            }
        }

        /// What it does to the ids of the table.
        func apply(to ids: inout [Int64], round: Int) {
            switch self {
            case .append: ids += (0..<3).map { Int64(1000 * round + $0) }
            case .delete: ids.removeAll { $0 < 10 }
            case .optimize, .vacuum, .property: break
            }
        }

        /// Does it through `table`, if there is anything to do.
        func run(_ data: DataFixture, _ table: DeltaTable, round: Int) async throws {
            let snapshot = try await table.snapshot()
            switch self {
            case .append: try await data.append((1000 * round)..<(1000 * round + 3), to: table)
            case .optimize: _ = try await OptimizeOperation(table: table).run()
            case .vacuum: _ = try await VacuumOperation(table: table).run()
            case .delete:
                // The file of the ids below 10, as a DELETE would take it out; where an OPTIMIZE has merged it, there is nothing that does.
                guard let file = snapshot.files.first(where: { $0.stats?.text.contains(#""minValues":{"id":0,"#) ?? false && $0.numRecords == 10 }) else {
                    return
                }
                _ = try await Transaction(
                    table: table, readSnapshot: snapshot, operation: OperationInfo("DELETE"), reads: .files([file.path]),
                    actions: [.remove(file.remove(at: data.clock.now(), dataChange: true))]
                ).commit()
            case .property:
                var metadata = snapshot.metadata
                metadata.configuration["round"] = "\(round)"
                _ = try await Transaction(table: table, readSnapshot: snapshot, operation: OperationInfo("SET TBLPROPERTIES"), actions: [.metadata(metadata)])
                    .commit()
            }
        }
    }

    /// A table of three files of ten rows, and a dead file that a vacuum takes.
    private func fixture() async throws -> DataFixture {
        let data = try await DataFixture()
        try await data.store.put(ObjectPath("dead.parquet"), Bytes("x"), mode: .overwrite)
        data.clock.advance(by: .seconds(200 * 3600))
        for file in 0..<3 { try await data.append((file * 10)..<(file * 10 + 10)) }
        return data
    }

    private static let sequences: [[Step]] = Step.allCases.map { [$0] } + Step.allCases.flatMap { first in Step.allCases.map { [first, $0] } }

    @Test(arguments: Step.allCases, sequences) func everyInterleavingIsAnOrder(held: Step, others: [Step]) async throws {
        let data = try await fixture()
        let base = try await data.table.latestVersion()
        let table = data.table(
            through: HookedStore(wrapping: data.store) {
                for (place, other) in others.enumerated() { try await other.run(data, data.table, round: place + 2) }
            })
        var conflict: DeltaError?
        do {
            try await held.run(data, table, round: 1)
        } catch let error as DeltaError {
            conflict = error
        }
        // The second of the others finds what the first has left, so that it may have nothing to do: then it is in nobody's way.
        var ids = (0..<30).map(Int64.init)
        var committed: [Step] = []
        for (place, other) in others.enumerated() {
            // A file that has been deleted, or merged with others, is not deleted again; the dead file is vacuumed once.
            if other == .delete, committed.contains(.delete) || committed.contains(.optimize) { continue }
            if other == .vacuum, committed.contains(.vacuum) { continue }
            committed.append(other)
            other.apply(to: &ids, round: place + 2)
        }
        let expectsConflict = committed.contains { held.conflicts(with: $0) }
        #expect((conflict != nil) == expectsConflict, "\(String(describing: conflict))")
        if let conflict {
            guard case .commitConflict = conflict else { throw conflict }
        } else {
            held.apply(to: &ids, round: 1)
        }
        #expect(try await data.ids() == ids.sorted())
        // No version is left out, and none removes what is gone already.
        let latest = try await data.table.latestVersion()
        #expect(latest >= base + (conflict == nil ? 1 : 0))
        var gone: Set<String> = []
        for version in 0...latest {
            let commit = try CommitReader.read(try await data.store.get(ObjectPath(LogFileName.commitPath(version))), version: version)
            for case let .remove(file) in commit.actions {
                #expect(gone.insert(file.path.encoded).inserted, "version \(version) removes \(file.path.encoded) again")
            }
        }
    }
}
