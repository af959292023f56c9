import Base

/// Keeps a ``Store`` like a collection on the server: lists it once and watches it from there on, through everything that goes wrong with watches.
public final class Reflector<Object: KubeResource>: Sendable {
    public struct Options: Sendable {
        /// Nil: all namespaces.
        public var namespace: String?
        public var labelSelector: String?
        public var fieldSelector: String?
        /// Asks for nothing but metadata, for types that read nothing else.
        public var metadataOnly = false
        public var pageSize = 500
        /// Asks for lists as the beginnings of watches, which costs the server less memory; where it does not know that, for pages.
        public var streamsLists = false
        /// How long such a list may bring no object before its server is taken not to know its bookmark, and is asked for pages.
        public var listStreamPatience: Duration = .seconds(60)
        public var backoff = Backoff(base: .milliseconds(800), cap: .seconds(30))
        /// How long the server is asked to keep a watch; each one gets a time between this and its double, so that many do not end together.
        public var watchTimeout: Duration = .seconds(300)
        /// How much longer than that a silent watch is believed in.
        public var watchdogGrace: Duration = .seconds(30)
        /// How often all objects are reported again, unchanged (``StoreChange/isResync``), each time a tenth sooner or later by chance; nil: never. No request is made for it.
        /// For those who would rather look at everything now and then than rely on having missed nothing.
        public var resyncPeriod: Duration?

        public init() {}
    }

    public let store: Store<Object>
    private let source: any WatchSource
    private let options: Options
    private let clock: any WallClock
    private let random: any RandomSource
    private let logger: Logger

    public convenience init(client: KubeClient, store: Store<Object> = Store(), options: Options = Options()) {
        let source = CollectionSource(
            client: client, gvr: Object.gvr, namespace: options.namespace, labelSelector: options.labelSelector, fieldSelector: options.fieldSelector,
            metadataOnly: options.metadataOnly)
        self.init(
            source: source, store: store, options: options, clock: client.options.clock, random: client.options.random, logger: client.options.logger)
    }

    init(source: any WatchSource, store: Store<Object>, options: Options, clock: any WallClock, random: any RandomSource, logger: Logger) {
        self.source = source
        self.store = store
        self.options = options
        self.clock = clock
        self.random = random
        self.logger = logger.with(["collection": Object.gvr])
    }

    /// Runs until the task is cancelled.
    public func run() async {
        await withTaskGroup { group in
            if let period = options.resyncPeriod { group.addTask { await self.resync(every: period) } }
            await listAndWatch()
            group.cancelAll()
        }
    }

    private func resync(every period: Duration) async {
        while (try? await clock.sleep(for: period * (0.9 + 0.2 * random.fraction()))) != nil, !Task.isCancelled { store.resync() }
    }

    private func listAndWatch() async {
        var machine = ReflectorMachine(pageSize: options.pageSize, streams: options.streamsLists, backoff: options.backoff, random: random)
        var watch: OpenWatch?
        var aside: [ObjectKey: Object] = [:]
        while !Task.isCancelled {
            let outcome: ReflectorMachine.Outcome
            switch machine.effect {
            case .list(let options): outcome = await list(options)
            case .openWatchList: (outcome, watch) = await open(nil)
            case .openWatch(let version): (outcome, watch) = await open(version)
            case .readWatch:
                outcome = await watch?.next() ?? .ended(after: .zero)
                if watch?.age ?? .zero >= ReflectorMachine.lasting { machine.watchHasLasted() }
            }
            if Task.isCancelled { break }
            log(outcome)
            let step = machine.step(outcome)
            for change in step.changes { apply(change, &aside) }
            if machine.effect != .readWatch { watch?.close() }
            if step.pause > .zero { try? await clock.sleep(for: step.pause) }
        }
        watch?.close()
    }

    private func list(_ options: ListOptions) async -> ReflectorMachine.Outcome {
        do throws(KubeError) {
            return .listed(try await source.list(options))
        } catch {
            return .failed(error)
        }
    }

    /// - Parameter version: nil: from the objects that there are.
    private func open(_ version: String?) async -> (ReflectorMachine.Outcome, OpenWatch?) {
        let timeout = options.watchTimeout + random.duration(upTo: options.watchTimeout)
        let limit = timeout + options.watchdogGrace
        let watchOptions = WatchOptions(
            resourceVersion: version, timeoutSeconds: max(1, Int(timeout.components.seconds)), beginsWithList: version == nil)
        let watch = OpenWatch(limit: limit, listLimit: version == nil ? options.listStreamPatience : nil, clock: clock)
        let outcome = await watch.open { [source] () async throws(KubeError) in try await source.watch(watchOptions) }
        return (outcome, watch)
    }

    /// - Parameter aside: The objects of the list under way.
    private func apply(_ change: ReflectorMachine.Change, _ aside: inout [ObjectKey: Object]) {
        switch change {
        case .clear: aside = [:]
        case .putAside(let resources): for resource in resources { aside[resource.key] = decode(resource) }
        case .drop(let resource): aside[resource.key] = nil
        case .replace:
            store.replace(with: aside.values.sorted { $0.key < $1.key })
            aside = [:]
        case .set(let resource): if let object = decode(resource) { store.set(object) }
        case .remove(let resource): store.remove(resource.key)
        }
    }

    /// An object that does not fit its type is left out and said: one of them must not blind us for all others.
    private func decode(_ resource: Resource) -> Object? {
        do throws(KubeError) {
            return try resource.decoded(as: Object.self)
        } catch {
            logger.error("an object cannot be read and is left out", ["object": resource.key, "error": error])
            return nil
        }
    }

    private func log(_ outcome: ReflectorMachine.Outcome) {
        switch outcome {
        case .failed(let error) where error.isExpired: logger.info("the version is too old, listing again", ["error": error])
        case .failed(let error): logger.warning("list or watch failed", ["error": error])
        case .stalled: logger.warning("the watch fell silent beyond its time, opening it again")
        default: break
        }
    }
}
