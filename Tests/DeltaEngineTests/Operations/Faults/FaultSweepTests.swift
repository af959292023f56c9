import Base
import Columnar
import ObjectStore
import TestSupport
import Testing

@testable import DeltaEngine

/// Every operation over a store that fails at its first request, its second, and so on to the last: whatever becomes of a run, the table reads as before it or as
/// after it, a retry brings it to its end, and what was left in the store a full vacuum takes once the retention is over.
@Suite struct FaultSweepTests {
    private enum Kind: CaseIterable {
        /// The request does nothing.
        case fails
        /// It does what it should, and is said to have failed.
        case answerLost

        func fault(_ call: FaultInjectingStore.Call) -> FaultInjectingStore.Fault {
            // Errors that may pass are tried again by some, others by nobody.
            let error = ObjectStoreError.failed(
                path: call.path, operation: call.operation.rawValue, message: "request \(call.index) is to fail", retryable: call.index % 2 == 0)
            return switch self {
            case .fails: .fails(error)
            case .answerLost: .answerLost(error)
            }
        }
    }

    private static let changing: Set<FaultInjectingStore.Operation> = [.put, .write, .append, .finish, .delete]

    private static let seed = environmentVariable("LEVEE_SEED").flatMap { UInt64($0) } ?? .random(in: 0..<1 << 32)

    /// Of the features one mix for each operation, by turns; with LEVEE_SOAK eight, drawn by LEVEE_SEED, so that one soak after the other comes to all of them.
    private static func mixes(for operation: SweptOperation) -> [DeleteFixture.Features] {
        let turn = SweptOperation.all.firstIndex { $0.name == operation.name } ?? 0
        if environmentVariable("LEVEE_SOAK") != nil {
            let random = SeededRandomSource(seed: seed &+ UInt64(turn))
            let suited = DeleteFixture.Features.all.filter(operation.suits)
            print("\(operation.name): 8 of \(suited.count) mixes of features from seed \(seed) (LEVEE_SEED)")
            return Array(suited.map { ($0, random.next()) }.sorted { $0.1 < $1.1 }.prefix(8).map(\.0))
        }
        let few = [
            DeleteFixture.Features(partitioned: true), DeleteFixture.Features(vectors: true, feed: true, times: true),
            DeleteFixture.Features(feed: true, tracking: true, times: true, mapping: "name"),
        ].filter(operation.suits)
        return few.isEmpty ? [] : [few[turn % few.count]]
    }

    @Test(arguments: SweptOperation.all) func everyRequestMayFail(operation: SweptOperation) async throws {
        let mixes = Self.mixes(for: operation)
        #expect(!mixes.isEmpty)
        for features in mixes {
            let start = try await SweptTable(features, checkpointInterval: operation.checkpointInterval)
            try await operation.prepare(start)

            // Without a fault: how many requests there are, and what comes out.
            let clean = start.copy()
            let calls = Lock<[FaultInjectingStore.Operation]>([])
            let recording = FaultInjectingStore(wrapping: clean.lake) { call in
                calls.withLock { $0.append(call.operation) }
                return nil
            }
            try await operation.run(clean.table(through: recording, seed: 6))
            #expect(try await operation.isDone(clean), "\(operation), \(features)")
            let trial = Trial(
                operation: operation, start: start, objects: try await start.objects(), before: try await start.rows(operation.subject),
                after: try #require(try await clean.rows(operation.subject)))

            var faults: [(index: Int, kind: Kind)] = []
            for (index, call) in calls.withLock({ $0 }).enumerated() {
                for kind in Kind.allCases where kind == .fails || Self.changing.contains(call) { faults.append((index, kind)) }
            }
            #expect(faults.count > 5)
            let failures = try await concurrentMap(faults, limit: 2) { fault in
                try await trial.run(failingAt: fault.index, fault.kind.fault).map { "\(features): request \(fault.index) \(fault.kind): \($0)" }
            }.compactMap(\.self)
            #expect(failures.isEmpty, "\(operation): \(failures.count) of \(faults.count) trials fail\n\(failures.prefix(8).joined(separator: "\n"))")
        }
    }

    /// One run with one fault, and what comes behind it.
    private struct Trial: Sendable {
        let operation: SweptOperation
        let start: SweptTable
        /// What the store has at the start.
        let objects: [ObjectPath: Bytes]
        let before: [[Scalar?]]?
        let after: [[Scalar?]]

        /// What is wrong; nil where nothing is.
        func run(failingAt index: Int, _ fault: @escaping @Sendable (FaultInjectingStore.Call) -> FaultInjectingStore.Fault) async throws -> String? {
            let trial = start.copy()
            let faulty = FaultInjectingStore(wrapping: trial.lake) { $0.index == index ? fault($0) : nil }
            var isDone = true
            do {
                try await operation.run(trial.table(through: faulty, seed: 7))
            } catch {
                guard error is DeltaError || error is ObjectStoreError else { return "an error of type \(type(of: error)): \(error)" }
                isDone = false
            }
            // Nothing was touched: the retry is the run without a fault.
            if !isDone, try await trial.objects() == objects { return nil }
            let rows = try await trial.rows(operation.subject)
            guard rows == after || (!isDone && rows == before) else { return "the table has neither the rows before nor those after it" }

            do { try await operation.run(trial.table(seed: 8)) } catch { return "the retry fails: \(error)" }
            guard try await trial.rows(operation.subject) == after else { return "the retry does not bring the rows that it should" }
            guard try await operation.isDone(trial) else { return "the retry leaves something undone" }

            try await operation.afterwards(trial)
            trial.clock.advance(by: .seconds(30 * 86_400))
            for place in try await trial.tables() {
                do { _ = try await VacuumOperation(table: trial.table(place, seed: 9)).run() } catch { return "the vacuum of the \(place) fails: \(error)" }
            }
            let (left, live) = (try await trial.dataFiles(), try await trial.liveFiles())
            guard left.isSubset(of: live) else { return "the vacuum leaves \(left.subtracting(live).sorted())" }
            return live.isSubset(of: left) ? nil : "the vacuum takes \(live.subtracting(left).sorted()), which a table has"
        }
    }
}
