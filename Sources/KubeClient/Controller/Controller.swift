import Base

/// What a reconciliation asks for next.
public enum Requeue: Sendable, Hashable {
    /// Nothing: a change will call again.
    case forget
    /// Another look after this time, changes or not.
    case after(Duration)
    /// Another try with the growing pauses of failures.
    case backoff
}

/// Workers that take keys from a queue and reconcile them, a key never twice at the same time.
public struct Controller<Key: Hashable & Sendable & CustomStringConvertible>: Sendable {
    private let name: String
    private let queue: WorkQueue<Key>
    private let workers: Int
    private let logger: Logger
    private let reconcile: @Sendable (Key) async throws -> Requeue

    /// - Parameters:
    ///   - workers: How many keys are reconciled at the same time.
    ///   - reconcile: Brings one object closer to what it should be. It may be called at any time, and again after any failure. An error is logged and tried again with
    ///     growing pauses, or after the pause that the server asked for.
    public init(
        name: String, queue: WorkQueue<Key>, workers: Int = 4, logger: Logger = .none, reconcile: @escaping @Sendable (Key) async throws -> Requeue
    ) {
        self.name = name
        self.queue = queue
        self.workers = max(1, workers)
        self.logger = logger.with(["controller": name])
        self.reconcile = reconcile
    }

    /// Works until the task is cancelled or the queue is shut down; returns when every reconciliation in progress has ended.
    public func run() async {
        await withTaskGroup { group in
            for _ in 0..<workers {
                group.addTask {
                    while let key = await queue.next() {
                        await work(on: key)
                        queue.done(key)
                    }
                }
            }
        }
    }

    private func work(on key: Key) async {
        do {
            switch try await reconcile(key) {
            case .forget: queue.forget(key)
            case .after(let delay):
                queue.forget(key)
                queue.add(key, after: delay)
            case .backoff: queue.addRateLimited(key)
            }
        } catch {
            if error is CancellationError || (error as? KubeError)?.isCancelled == true { return queue.addRateLimited(key) }
            // A lost race is normal: somebody else has changed the object, and the next look will see it.
            if (error as? KubeError)?.isConflict == true {
                logger.debug("the object changed meanwhile", ["key": key, "error": "\(error)"])
            } else {
                logger.error("reconciliation failed", ["key": key, "failures": queue.failures(key) + 1, "error": "\(error)"])
            }
            if let asked = (error as? KubeError)?.retryAfter { queue.add(key, after: asked) } else { queue.addRateLimited(key) }
        }
    }
}
