import Glibc
import TestSupport
import Testing

@testable import Base

@Suite struct BlockingExecutorTests {
    @Test func blockingWorkRunsOnItsOwnThreadsInParallel() async throws {
        let executor = BlockingExecutor(threads: 4, name: "blocking-test-with-a-long-name")
        let threads = Lock<Set<pthread_t>>([])
        // Each waits until all four threads are in it: were they one after the other, none would see the last.
        try await concurrentForEach(Array(0..<4), limit: 4) { _ in
            try await executor.run {
                threads.withLock { _ = $0.insert(pthread_self()) }
                for _ in 0..<3000 where threads.withLock({ $0.count }) < 4 { usleep(10_000) }
            }
        }
        #expect(threads.withLock { $0.count } == 4)
    }

    @Test func oneThreadRunsEverythingInOrderOfArrival() async throws {
        let executor = BlockingExecutor(threads: 0, name: "one")
        for round in 0..<2000 { #expect(try await executor.run { round } == round) }
    }

    @Test func errorsAndCancellationComeThrough() async throws {
        let executor = BlockingExecutor(threads: 1, name: "errors")
        await #expect(throws: SystemError(code: EIO, call: "x")) { try await executor.run { throw SystemError(code: EIO, call: "x") } }
        let ran = Lock(false)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await executor.run { ran.withLock { $0 = true } }
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!ran.withLock { $0 })
    }

    @Test func wholeTasksRunThere() async {
        let executor = BlockingExecutor(threads: 1, name: "tasks")
        let here = pthread_self()
        let isElsewhere = await Task(executorPreference: executor) { pthread_self() != here }.value
        #expect(isElsewhere)
    }

    @Test func manyExecutorsComeAndGo() async throws {
        for _ in 0..<2000 {
            let executor = BlockingExecutor(threads: 2, name: "short")
            #expect(try await executor.run { 1 } == 1)
        }
    }
}

@Suite struct ConcurrentMapTests {
    @Test(arguments: [0, 1, 3, 100])
    func keepsOrderAndBound(limit: Int) async throws {
        let running = Lock((now: 0, most: 0))
        let results = try await concurrentMap(Array(0..<50), limit: limit) { item in
            running.withLock { state in
                state.now += 1
                state.most = max(state.most, state.now)
            }
            await Task.yield()
            running.withLock { $0.now -= 1 }
            return item * 2
        }
        #expect(results == (0..<50).map { $0 * 2 })
        #expect(running.withLock { $0.most } <= max(1, limit))
        #expect(try await concurrentMap([Int](), limit: limit) { $0 }.isEmpty)
    }

    @Test func theFirstErrorEndsIt() async {
        let started = Lock(0)
        await #expect(throws: SystemError(code: 7, call: "x")) {
            try await concurrentForEach(Array(0..<1000), limit: 2) { item in
                started.withLock { $0 += 1 }
                if item == 3 { throw SystemError(code: 7, call: "x") }
                try await Task.sleep(for: .milliseconds(1))
            }
        }
        #expect(started.withLock { $0 } < 100)
    }
}

@Suite struct AvailableResourcesTests {
    static let systems: [(name: String, files: [String: String], cpus: Int, memory: Int64)] = [
        ("nothing", [:], 8, 1000),
        (
            "version 2",
            [
                "proc/self/cgroup": "0::/pod/c\n", "sys/fs/cgroup/pod/c/cpu.max": "150000 100000\n", "sys/fs/cgroup/pod/c/memory.max": "max\n",
                "sys/fs/cgroup/pod/memory.max": "500\n",
            ], 2, 500
        ),
        (
            "in a container", ["proc/self/cgroup": "0::/kubepods/pod1/abc\n", "sys/fs/cgroup/cpu.max": "50000 100000\n", "sys/fs/cgroup/memory.max": "700\n"],
            1, 700
        ),
        (
            "version 1",
            [
                "proc/self/cgroup": "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n0::/\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n", "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "600\n",
            ], 3, 600
        ),
        (
            "unlimited and odd",
            [
                "proc/self/cgroup": "x\n0::/a\n", "sys/fs/cgroup/a/cpu.max": "max 100000\n", "sys/fs/cgroup/cpu.max": "0 0\n",
                "sys/fs/cgroup/memory.max": "-1\n",
            ], 8, 1000
        ),
    ]

    @Test(arguments: systems)
    func theTightestLimitCounts(name: String, files: [String: String], cpus: Int, memory: Int64) throws {
        let directory = try TemporaryDirectory()
        for (file, content) in files { try directory.write(file, content) }
        #expect(
            AvailableResources.detect(systemRoot: directory.path, machineCPUs: 8, machineMemory: 1000)
                == AvailableResources(cpuCount: cpus, memoryLimit: memory), "\(name)")
    }

    @Test func thisMachineHasSome() {
        let resources = AvailableResources.current()
        #expect(resources.cpuCount >= 1 && resources.cpuCount <= Int(sysconf(Int32(_SC_NPROCESSORS_CONF))))
        #expect(resources.memoryLimit > 1 << 20)
    }
}

@Suite struct RetryTests {
    struct Transient: Error {}

    @Test func waitsGrowWithJitterUpToTheCap() {
        let backoff = Backoff(base: .milliseconds(100), cap: .seconds(1))
        #expect((1...7).map { backoff.limit(afterFailures: $0) } == [100, 200, 400, 800, 1000, 1000, 1000].map { .milliseconds($0) })
        #expect(backoff.limit(afterFailures: 1_000_000) == .seconds(1))
        let random = SeededRandomSource(seed: 3)
        let delays = (0..<200).map { _ in backoff.delay(afterFailures: 3, random: random) }
        #expect(delays.allSatisfy { $0 >= .zero && $0 < .milliseconds(400) })
        #expect(Set(delays).count > 150)
    }

    @Test func triesUntilItWorks() async throws {
        let clock = ManualClock()
        let result = try await retry(
            attempts: 5, clock: clock, random: SeededRandomSource(seed: 1), while: { $0 is Transient }, minimumDelay: { _ in .seconds(3) }
        ) { attempt in
            if attempt < 3 { throw Transient() }
            return attempt
        }
        #expect(result == 3)
        #expect(clock.slept.count == 2)
        #expect(clock.slept.allSatisfy { $0 >= .seconds(3) && $0 < .seconds(4) })
    }

    @Test func givesUpAfterTheLastAttemptAndAtOnceOnOtherErrors() async {
        let clock = ManualClock()
        let calls = Lock(0)
        await #expect(throws: Transient.self) {
            try await retry(attempts: 4, clock: clock, random: SeededRandomSource(seed: 1), while: { _ in true }) { _ in
                calls.withLock { $0 += 1 }
                throw Transient()
            }
        }
        await #expect(throws: Transient.self) {
            try await retry(attempts: 4, clock: clock, random: SeededRandomSource(seed: 1), while: { _ in false }) { _ in
                calls.withLock { $0 += 1 }
                throw Transient()
            }
        }
        await #expect(throws: CancellationError.self) {
            try await retry(attempts: 4, clock: clock, random: SeededRandomSource(seed: 1), while: { _ in true }) { _ in throw CancellationError() }
        }
        #expect(calls.withLock { $0 } == 5)
        #expect(clock.slept.count == 3)
    }
}
