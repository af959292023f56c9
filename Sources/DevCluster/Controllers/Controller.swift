import Base

/// Something that makes part of the state true: it names the keys that a change concerns, and reconciles one key at a time.
protocol Controller: Sendable {
    associatedtype Key: Hashable & Sendable

    var name: String { get }
    /// How many keys are worked on at the same time.
    var workers: Int { get }
    /// Called with everything that is there before anything is reconciled.
    func load(_ objects: [(key: StoredKey, object: JSONValue)]) -> [Key]
    func keys(for event: StoreEvent) -> [Key]
    /// Returns when to look again; nil when only a change can make a difference.
    func reconcile(_ key: Key) async throws(APIError) -> Duration?
}

/// Runs a controller until it is stopped.
final class ControllerRunner: Sendable {
    private let stopBody: @Sendable () -> Void
    private let task: Task<Void, Never>

    init<C: Controller>(_ controller: C, _ api: ClusterAPI, _ logger: Logger) {
        let queue = KeyQueue<C.Key>(clock: api.clock)
        let (channel, objects) = api.store.watchAll()
        stopBody = {
            channel.end()
            queue.close()
        }
        let log = logger.labelled(controller.name)
        task = Task {
            for key in controller.load(objects) { queue.add(key) }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await Self.feed(controller, channel, queue) }
                for _ in 0..<controller.workers { group.addTask { await Self.work(controller, queue, log) } }
            }
            api.store.unwatchAll(channel)
        }
    }

    /// Returns when no reconciliation is under way any more.
    func stop() async {
        stopBody()
        await task.value
    }

    private static func feed<C: Controller>(_ controller: C, _ channel: WatchChannel, _ queue: KeyQueue<C.Key>) async {
        while true {
            switch await channel.take() {
            case .ended: return
            case .nothing: continue
            case let .events(events):
                for event in events { for key in controller.keys(for: event) { queue.add(key) } }
            }
        }
    }

    private static func work<C: Controller>(_ controller: C, _ queue: KeyQueue<C.Key>, _ logger: Logger) async {
        while let key = await queue.next() {
            do throws(APIError) {
                if let delay = try await controller.reconcile(key) { queue.add(key, after: delay) }
            } catch {
                // Whatever changed meanwhile is seen on the next try; a full disk may take longer to end.
                if error.code != 404 {
                    if error.code != 409 { logger.warning("reconciliation failed, trying again", ["key": "\(key)", "error": error.message]) }
                    queue.add(key, after: error.code == 409 ? .milliseconds(50) : .seconds(2))
                }
            }
            queue.done(key)
        }
    }
}
