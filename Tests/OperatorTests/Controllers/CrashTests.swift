import Base
import KubeClient
import Testing

@testable import Operator

/// The operator is killed just before and just after every write that it makes on the way from a table with small files to the record of the run.
@Suite struct CrashTests {
    private static func scenario(killAt moments: Set<Int>, fate: Harness.WorkerFate = .succeeds, staleEvery: Int? = nil) async throws -> Harness {
        let harness = Harness()
        harness.fate = fate
        try harness.addProfile()
        try harness.addTable()
        try harness.addPolicy()
        harness.cluster.killAt(moments)
        for step in 0..<30 { await harness.step(stale: staleEvery.map { step % $0 != 0 } ?? false) }
        return harness
    }

    private static func expectOneRun(_ harness: Harness, _ comment: Comment) {
        #expect(harness.errors.isEmpty, comment)
        #expect(harness.cluster.createdOperations.count == 1, comment)
        #expect(harness.cluster.createdJobs.count == 1, comment)
        #expect(harness.tables[Harness.location].version == 1, comment)
        let operation = harness.cluster.operations.first
        #expect(operation?.phase == .succeeded, comment)
        #expect(operation?.status?.result?.version == 1, comment)
        #expect(operation?.metadata.finalizers.isEmpty == true, comment)
        #expect(harness.table()?.status?.maintenance?.optimize?.lastRun?.phase == .succeeded, comment)
        #expect(harness.table()?.status?.maintenance?.operation == nil, comment)
    }

    @Test func withoutAKillThereIsOneRun() async throws {
        let harness = try await Self.scenario(killAt: [])
        Self.expectOneRun(harness, "undisturbed")
        #expect(harness.kills == 0)
        #expect(harness.cluster.moments > 12)
    }

    @Test(arguments: [nil, 2, 3])
    func aKillAtAnyWriteNeitherLosesNorDoublesTheRun(staleEvery: Int?) async throws {
        let moments = try await Self.scenario(killAt: [], staleEvery: staleEvery).cluster.moments
        for moment in 1...moments {
            let harness = try await Self.scenario(killAt: [moment], staleEvery: staleEvery)
            #expect(harness.kills == 1)
            Self.expectOneRun(harness, "killed at moment \(moment) of \(moments)")
        }
    }

    @Test func killsInARowDoNoMoreHarm() async throws {
        let moments = try await Self.scenario(killAt: []).cluster.moments
        for first in 1..<moments {
            let harness = try await Self.scenario(killAt: [first, first + 1, first + 3])
            Self.expectOneRun(harness, "killed at moments \(first), \(first + 1) and \(first + 3)")
        }
    }

    @Test(arguments: [UInt64(1), 2, 3, 4, 5, 6, 7, 8])
    func killsAtRandomDoNoMoreHarm(seed: UInt64) async throws {
        var random = SeededRandomSource(seed: seed).generator
        let moments = Set((0..<12).map { _ in Int.random(in: 1...60, using: &random) })
        let harness = try await Self.scenario(killAt: moments, staleEvery: Int.random(in: 1...3, using: &random))
        Self.expectOneRun(harness, "seed \(seed), moments \(moments.sorted())")
    }

    @Test func aWorkerThatDiedAfterItsCommitHasSucceededWheneverTheOperatorDies() async throws {
        let moments = try await Self.scenario(killAt: [], fate: .diesAfterCommit).cluster.moments
        for moment in 1...moments {
            Self.expectOneRun(try await Self.scenario(killAt: [moment], fate: .diesAfterCommit), "killed at moment \(moment) of \(moments)")
        }
    }

    @Test func aLostResultIsFoundInTheTableWheneverTheOperatorDies() async throws {
        let moments = try await Self.scenario(killAt: [], fate: .loses).cluster.moments
        for moment in 1...moments {
            Self.expectOneRun(try await Self.scenario(killAt: [moment], fate: .loses), "killed at moment \(moment) of \(moments)")
        }
    }
}
