import Base
import Columnar
import ObjectStore
import Testing

@testable import DeltaEngine

@Suite struct OptimizeTests {
    private static let broken = ObjectStoreError.failed(path: "x", operation: "testing", message: "injected", retryable: true)

    @Test func filesOfAPartitionBecomeOneAndRowsStay() async throws {
        let fixture = try await DataFixture(partitionBy: ["p"])
        for start in 0..<4 { try await fixture.append(start * 10..<start * 10 + 10) }
        let result = try await OptimizeOperation(table: fixture.table).run()
        #expect(result.metrics.numFilesRemoved == 12)
        #expect(result.metrics.numFilesAdded == 3)
        #expect(result.metrics.partitionsOptimized == 3)
        #expect(try await fixture.ids() == (0..<40).map(Int64.init))
        let snapshot = try await fixture.table.snapshot()
        #expect(snapshot.version == result.version)
        #expect(snapshot.files.numRecords == 40)
        #expect(snapshot.files.allSatisfy { !$0.dataChange })
        #expect(snapshot.commitInfo?.operation == "OPTIMIZE")
        #expect(try await OptimizeOperation(table: fixture.table).run().version == nil)
    }

    /// Every request of a run fails once: nothing is committed or left behind, or the run has succeeded in spite of it.
    @Test func aStoreThatFailsAtAnyRequestLosesNothing() async throws {
        var failedAt = 0
        while true {
            let fixture = try await DataFixture(partitionBy: ["p"])
            for start in 0..<2 { try await fixture.append(start * 10..<start * 10 + 10) }
            let before = try await fixture.dataFiles()
            let position = failedAt
            let failing = FaultInjectingStore(wrapping: fixture.store) { $0.index == position && $0.operation != .delete ? .fails(Self.broken) : nil }
            let operation = OptimizeOperation(table: fixture.table(through: failing))
            do {
                _ = try await operation.run()
            } catch {
                #expect(try await fixture.dataFiles() == before, "request \(position): \(error)")
                #expect(try await fixture.table.snapshot().version == 2, "request \(position): \(error)")
            }
            #expect(try await fixture.ids() == (0..<20).map(Int64.init), "request \(position)")
            _ = try await OptimizeOperation(table: fixture.table).run()
            #expect(try await fixture.liveFiles().count == 3, "request \(position)")
            #expect(try await fixture.ids() == (0..<20).map(Int64.init), "request \(position)")
            if failing.callCount <= position { break }
            failedAt += 1
        }
        #expect(failedAt > 10)
    }

    /// Every answer of a run is lost once, the commit's included.
    @Test func aStoreWhoseAnswersAreLostLosesNothing() async throws {
        var lostAt = 0
        while true {
            let fixture = try await DataFixture()
            for start in 0..<2 { try await fixture.append(start * 10..<start * 10 + 10) }
            let position = lostAt
            let failing = FaultInjectingStore(wrapping: fixture.store) { $0.index == position ? .answerLost(Self.broken) : nil }
            _ = try? await OptimizeOperation(table: fixture.table(through: failing)).run()
            #expect(try await fixture.ids() == (0..<20).map(Int64.init), "request \(position)")
            #expect(try await fixture.liveFiles().isSubset(of: try await fixture.dataFiles()), "request \(position)")
            if failing.callCount <= position { break }
            lostAt += 1
        }
        #expect(lostAt > 5)
    }

    @Test func aCancelledRunLeavesNothingBehind() async throws {
        let fixture = try await DataFixture()
        for start in 0..<3 { try await fixture.append(start * 10..<start * 10 + 10) }
        let before = try await fixture.dataFiles()
        let slow = FaultInjectingStore(wrapping: fixture.store) { $0.operation == .finish ? .delayed(.seconds(60)) : nil }
        let work = Task { try await OptimizeOperation(table: fixture.table(through: slow)).run() }
        try await Task.sleep(for: .milliseconds(50))
        work.cancel()
        await #expect(throws: CancellationError.self) { try await work.value }
        #expect(try await fixture.dataFiles() == before)
        #expect(try await fixture.table.snapshot().version == 3)
    }

    @Test func anAppendMeanwhileIsNoConflict() async throws {
        let fixture = try await DataFixture()
        for start in 0..<2 { try await fixture.append(start * 10..<start * 10 + 10) }
        let raced = Lock(false)
        let racing = AppendingStore(store: fixture.store) {
            let isFirst = raced.withLock { done in
                defer { done = true }
                return !done
            }
            if isFirst { try await fixture.append(100..<105) }
        }
        let result = try await OptimizeOperation(table: fixture.table(through: racing)).run()
        #expect(result.version == 4)
        #expect(try await fixture.ids() == ((0..<20).map { Int64($0) } + (100..<105).map { Int64($0) }))
    }

    @Test func aRemovalOfTheSameFilesMeanwhileIsAConflict() async throws {
        let fixture = try await DataFixture()
        for start in 0..<2 { try await fixture.append(start * 10..<start * 10 + 10) }
        let raced = Lock(false)
        let racing = AppendingStore(store: fixture.store) {
            let isFirst = raced.withLock { done in
                defer { done = true }
                return !done
            }
            if isFirst { _ = try await OptimizeOperation(table: fixture.table).run() }
        }
        let error = await #expect(throws: DeltaError.self) { try await OptimizeOperation(table: fixture.table(through: racing)).run() }
        #expect(error?.kind == .retryable)
        #expect(try await fixture.ids() == (0..<20).map(Int64.init))
        let known = try await fixture.liveFiles().union(try await fixture.table.snapshot(version: 2).files.map(\.path.decoded))
        #expect(try await fixture.dataFiles() == known, "the loser removed what it had written")
    }

    @Test func theBytesOfOneRunCanBeLimited() async throws {
        let fixture = try await DataFixture(partitionBy: ["p"])
        for start in 0..<3 { try await fixture.append(start * 30..<start * 30 + 30) }
        let size = try await fixture.table.snapshot().files.map(\.size).max() ?? 0
        let result = try await OptimizeOperation(table: fixture.table, options: OptimizeOptions(maximumBytes: size * 3)).run()
        #expect(result.metrics.partitionsOptimized == 1)
        #expect(result.metrics.totalFilesSkipped == 6)
    }

    @Test(
        arguments: [("1000", 1000), ("256mb", 256 << 20), ("1g", 1 << 30), ("2KB", 2048), ("", nil), ("many", nil), ("-5", nil), ("9999999999999999t", nil)]
            as [(String, Int64?)])
    func theTargetSizeProperty(text: String, expected: Int64?) {
        let metadata = TableMetadata(id: "x", schema: DataFixture.schema, configuration: ["delta.targetFileSize": text])
        #expect(metadata.targetFileSize == expected)
    }
}

/// Does something right before a commit is put.
private final class AppendingStore: ObjectStore {
    private let store: any ObjectStore
    private let beforeCommit: @Sendable () async throws -> Void

    init(store: any ObjectStore, beforeCommit: @escaping @Sendable () async throws -> Void) {
        self.store = store
        self.beforeCommit = beforeCommit
    }

    var rootDescription: String { store.rootDescription }
    func head(_ path: ObjectPath) async throws -> ObjectInfo { try await store.head(path) }
    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes { try await store.get(path, range: range) }
    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes] { try await store.get(path, ranges: ranges) }

    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws {
        if path.string.hasPrefix("_delta_log/") { try await beforeCommit() }
        try await store.put(path, bytes, mode: mode)
    }

    func write(_ path: ObjectPath) async throws -> any ObjectWriter { try await store.write(path) }
    func list(prefix: String, startAfter: String?) -> any ObjectListing { store.list(prefix: prefix, startAfter: startAfter) }
    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)] { try await store.delete(paths) }
}
