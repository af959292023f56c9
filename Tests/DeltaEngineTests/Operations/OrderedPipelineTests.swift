import Base
import Testing

@testable import DeltaEngine

@Suite struct OrderedPipelineTests {
    private struct Broken: Error {}

    @Test(arguments: [(1, 1), (3, 10), (8, 1000)] as [(Int, Int64)])
    func resultsComeInOrderAndWeightIsBounded(concurrency: Int, maximumWeight: Int64) async throws {
        let running = Lock((now: 0, most: 0))
        var next = 0
        var results: [Int] = []
        var mostUnconsumed = 0
        try await OrderedPipeline(concurrency: concurrency, maximumWeight: maximumWeight).run(
            next: {
                guard next < 200 else { return nil }
                next += 1
                // This job is only looked at; those before it have started.
                mostUnconsumed = max(mostUnconsumed, next - 1 - results.count)
                return (next - 1, 1)
            },
            body: { (job: Int) in
                running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                // Early jobs take longer than late ones.
                if job % 7 == 0 { try await Task.sleep(for: .milliseconds(2)) }
                running.withLock { $0.now -= 1 }
                return job
            },
            consume: { results.append($0) })
        #expect(mostUnconsumed <= maximumWeight)
        #expect(results == Array(0..<200))
        #expect(running.withLock { $0.most } <= concurrency)
    }

    @Test func aJobHeavierThanAllowedRunsAlone() async throws {
        var jobs = [5, 50, 5].makeIterator()
        var results: [Int] = []
        try await OrderedPipeline(concurrency: 4, maximumWeight: 10).run(
            next: { jobs.next().map { ($0, Int64($0)) } }, body: { (job: Int) in job }, consume: { results.append($0) })
        #expect(results == [5, 50, 5])
    }

    @Test func anErrorCancelsTheRestAndIsThrown() async {
        var next = 0
        await #expect(throws: Broken.self) {
            try await OrderedPipeline(concurrency: 4, maximumWeight: 100).run(
                next: {
                    next += 1
                    return next <= 50 ? (next, 1) : nil
                },
                body: { (job: Int) in
                    if job == 5 { throw Broken() }
                    try await Task.sleep(for: .seconds(job > 5 ? 60 : 0))
                }, consume: { _ in })
        }
    }
}

@Suite struct RowGroupLayoutTests {
    private func layout(_ rows: [Int64], bytes: Int64 = 1) -> [[Int]] {
        let sources = rows.enumerated().map { RowGroupLayout.Source(file: $0, rowGroup: 0, rows: $1, compressedBytes: bytes) }
        return RowGroupLayout(rows: 100, compressedBytes: 1000).groups(sources).map { $0.map(\.file) }
    }

    @Test func groupsEndWhenTheyAreLargeEnough() {
        #expect(layout([]) == [])
        #expect(layout([10]) == [[0]])
        #expect(layout([60, 60, 60]) == [[0, 1], [2]])
        #expect(layout([100, 100, 500]) == [[0], [1], [2]])
        #expect(layout([0, 60, 0, 60]) == [[1, 3]])
        #expect(layout([1, 1, 1], bytes: 600) == [[0, 1], [2]])
    }

    @Test func aSmallRestGoesWithTheGroupBefore() {
        #expect(layout([60, 60, 20]) == [[0, 1, 2]])
        #expect(layout([60, 60, 26]) == [[0, 1], [2]])
    }
}
