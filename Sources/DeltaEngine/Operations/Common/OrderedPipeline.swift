/// Runs jobs on several threads and hands over their results in the order of the jobs, with no barrier between them: as soon as one ends the next
/// starts, however far ahead of the oldest, while the results that wait stay within a weight.
struct OrderedPipeline: Sendable {
    /// Jobs that run at once.
    let concurrency: Int
    /// The most weight of jobs that have started and not been consumed; one job alone may weigh more.
    let maximumWeight: Int64

    /// - Parameters:
    ///   - next: the next job and its weight (bytes of its result, roughly); nil after the last. Called by the calling task, in order.
    ///   - body: does a job, on any thread.
    ///   - consume: takes the results in order, in the calling task.
    /// - Throws: the first error of any of them, after the jobs that still run have been cancelled and have ended.
    func run<Job: Sendable, Result: Sendable>(
        next: () async throws -> (job: Job, weight: Int64)?, body: @escaping @Sendable (Job) async throws -> Result, consume: (Result) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var started = 0
            var running = 0
            var weights: [Int: Int64] = [:]
            var weight: Int64 = 0
            var finished: [Int: Result] = [:]
            var consumed = 0
            var upcoming = try await next()
            while true {
                while let (job, jobWeight) = upcoming, running < concurrency, weights.isEmpty || weight + jobWeight <= maximumWeight {
                    let index = started
                    group.addTask { (index, try await body(job)) }
                    weights[index] = jobWeight
                    weight += jobWeight
                    started += 1
                    running += 1
                    upcoming = try await next()
                }
                if let result = finished.removeValue(forKey: consumed) {
                    try await consume(result)
                    weight -= weights.removeValue(forKey: consumed) ?? 0
                    consumed += 1
                } else if let (index, result) = try await group.next() {
                    finished[index] = result
                    running -= 1
                } else {
                    return
                }
            }
        }
    }
}
