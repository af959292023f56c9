import Base
import Testing

@testable import KubeClient

struct WorkQueueTests {
    private let clock = SteppedClock()

    private func queue() -> WorkQueue<String> {
        WorkQueue(clock: clock, random: SeededRandomSource(seed: 7), backoff: Backoff(base: .seconds(1), cap: .seconds(60)))
    }

    /// Adds (`+a`), takes (`>a`), ends (`-a`), and how many wait (`=n`).
    @Test(arguments: [
        "+a +b +a =2 >a >b =0 -a -b =0",
        "+a >a +a =0 -a =1 >a -a =0",
        "+a >a +a +a +b =1 >b -a =1 >a =0",
        "+a >a -a +a =1 >a -a -a =0",
        "+a +b +c >a +a >b >c =0 -b -c =0 -a =1",
    ])
    func keepsEachKeyOnceAndNeverWithTwoWorkers(script: String) async {
        let queue = queue()
        for step in script.split(separator: " ") {
            let key = String(step.dropFirst())
            switch step.first {
            case "+": queue.add(key)
            case ">": #expect(await queue.next() == key, "\(script) at \(step)")
            case "-": queue.done(key)
            default: #expect("\(queue.count)" == key, "\(script) at \(step)")
            }
        }
    }

    @Test func aWaitingWorkerGetsTheNextKey() async throws {
        let queue = queue()
        let worker = Task { await queue.next() }
        try await Task.sleep(for: .milliseconds(20))
        queue.add("a")
        #expect(await worker.value == "a")
        queue.add("a")
        #expect(queue.count == 0, "it is being worked on")
        queue.done("a")
        #expect(queue.count == 1)
    }

    @Test func aCancelledWorkerTakesNothing() async throws {
        let queue = queue()
        let worker = Task { await queue.next() }
        try await Task.sleep(for: .milliseconds(20))
        worker.cancel()
        #expect(await worker.value == nil)
        queue.add("a")
        #expect(queue.count == 1)
    }

    @Test func ofSeveralDelaysTheEarliestCounts() async {
        let queue = queue()
        queue.add("a", after: .seconds(10))
        queue.add("a", after: .seconds(30))
        queue.add("a", after: .seconds(5))
        await eventually("one timer is left") { clock.sleepers == 1 }
        clock.advance(by: .seconds(4))
        #expect(queue.count == 0)
        clock.advance(by: .seconds(1))
        await eventually("it is due") { queue.count == 1 }
        clock.advance(by: .seconds(100))
        #expect(await queue.next() == "a")
        queue.done("a")
        #expect(queue.count == 0, "the other delays are gone")
    }

    @Test func pausesGrowWithEachFailureUntilForgotten() async {
        let queue = queue()
        for (failures, limit) in [(1, 1), (2, 2), (3, 4), (4, 8), (7, 60), (20, 60)] {
            while queue.failures("a") < failures {
                queue.addRateLimited("a")
                await eventually("the pause has begun") { clock.sleepers == 1 }
                clock.advance(by: .seconds(limit) / 2 - .milliseconds(1))
                if queue.failures("a") == failures { #expect(queue.count == 0, "after \(failures) failures half of \(limit) s is certain") }
                clock.advance(by: .seconds(60))
                await eventually("the pause has ended") { queue.count == 1 }
                #expect(await queue.next() == "a")
                queue.done("a")
            }
        }
        queue.forget("a")
        #expect(queue.failures("a") == 0)
    }

    @Test func shuttingDownGivesOutWhatWaitsAndNothingElse() async {
        let queue = queue()
        queue.add("a")
        queue.add("b", after: .seconds(1))
        queue.shutDown()
        queue.add("c")
        #expect(await queue.next() == "a")
        #expect(await queue.next() == nil)
        await eventually("timers are cancelled") { clock.sleepers == 0 }
    }

    @Test func manyWorkersShareManyKeys() async {
        let queue = WorkQueue<Int>()
        let counts = Lock<[Int: Int]>([:])
        let inProgress = Lock<Set<Int>>([])
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    while let key = await queue.next() {
                        #expect(inProgress.withLock { $0.insert(key).inserted }, "\(key) is with two workers")
                        await Task.yield()
                        counts.withLock { $0[key, default: 0] += 1 }
                        inProgress.withLock { _ = $0.remove(key) }
                        queue.done(key)
                    }
                }
            }
            for round in 0..<20 {
                for key in 0..<50 { queue.add(key) }
                if round == 19 { queue.shutDown() }
                await Task.yield()
            }
        }
        #expect(counts.withLock { $0.count } == 50)
    }
}

struct ControllerTests {
    private struct Failed: Error {}

    @Test func requeuesAsTheReconcilerAsks() async {
        let clock = SteppedClock()
        let queue = WorkQueue<String>(clock: clock, random: SeededRandomSource(seed: 3), backoff: Backoff(base: .seconds(2), cap: .seconds(60)))
        let calls = Lock<[String]>([])
        let controller = Controller(name: "test", queue: queue, workers: 1) { key in
            let count = calls.withLock { calls in
                calls.append(key)
                return calls.count { $0 == key }
            }
            switch (key, count) {
            case ("fails", 1), ("fails", 2): throw Failed()
            case ("later", 1): return .after(.seconds(30))
            case ("busy", 1): throw KubeError.status(APIStatus(code: 429, retryAfter: .seconds(45)), request: "GET /")
            default: return .forget
            }
        }
        let run = Task { await controller.run() }
        for key in ["once", "fails", "later", "busy"] { queue.add(key) }
        await eventually("each has been called once") { calls.withLock { $0.count } == 4 && clock.sleepers == 3 }
        #expect(queue.failures("fails") == 1)
        clock.advance(by: .seconds(2))
        await eventually("the failed one is tried again") { calls.withLock { $0.count } == 5 && clock.sleepers == 3 }
        clock.advance(by: .seconds(4))
        await eventually("and again") { calls.withLock { $0.count } == 6 }
        await eventually("success forgets its failures") { queue.failures("fails") == 0 }
        clock.advance(by: .seconds(24))
        await eventually("the later one") { calls.withLock { $0.last } == "later" }
        clock.advance(by: .seconds(15))
        await eventually("the one the server asked to wait") { calls.withLock { $0.last } == "busy" }
        run.cancel()
        await run.value
    }
}
