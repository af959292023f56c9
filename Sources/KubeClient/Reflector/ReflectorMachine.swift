import Base

/// The states of a list-and-watch, and the one function that leads from one to the next. Pure: it says what to do, and is told what came of it.
///
/// Where it is asked to (`streams`), a list comes as the beginning of a watch, object by object, with a bookmark at its end, as Kubernetes' WatchList has it: the server
/// need not hold it in memory. A server that does not know this, or never comes to the bookmark, is asked for lists from then on.
///
/// Listing again costs the server most, so it happens only where the watch cannot go on: at the start, when the version is too old (410), and when an answer makes no
/// sense. Overload (429), refused connections and broken watches continue where they were, after a pause.
struct ReflectorMachine: Sendable {
    enum State: Sendable, Equatable {
        /// Reading the pages of a list; `items` are those of the pages before.
        case listing(ListProgress)
        /// About to ask for a watch that begins with the objects there are.
        case openingList
        /// Receiving those objects, so many events so far.
        case receivingList(received: Int)
        /// About to watch from a version.
        case opening(version: String)
        /// Watching; `version` is that of the last event.
        case streaming(version: String, received: Int)
    }

    struct ListProgress: Sendable, Equatable {
        /// "0" lets the server answer from its cache, nil asks for the latest state.
        var resourceVersion: String?
        var isPaged: Bool
        var continueToken = ""
        var items: [Resource] = []
    }

    /// What to do next.
    enum Effect: Sendable, Equatable {
        case list(ListOptions)
        case openWatchList
        case openWatch(version: String)
        case readWatch
    }

    /// What came of it.
    enum Outcome: Sendable {
        case listed(ResourceList<Resource>)
        case opened
        case event(WatchEvent<Resource>)
        /// The server ended the watch after so long.
        case ended(after: Duration)
        /// Nothing came for longer than the server was asked to keep the watch open.
        case stalled
        case failed(KubeError)
    }

    enum Change: Sendable, Equatable {
        case replace([Resource])
        case set(Resource)
        case remove(Resource)
    }

    struct Step: Sendable, Equatable {
        /// For the store.
        var change: Change?
        /// To wait before the next effect.
        var pause: Duration = .zero
    }

    private(set) var state: State
    private let pageSize: Int
    private let backoff: Backoff
    private let random: any RandomSource
    /// Failures since the last event, whole list, or watch that lasted.
    private var failures = 0
    /// Whether lists are to come as watches: as long as the server does that.
    private var streams: Bool
    /// The objects of such a list that have come. Not in the state: it must not be copied with every event.
    private var received: [ObjectKey: Resource] = [:]

    init(
        pageSize: Int = 500, streams: Bool = false, backoff: Backoff = Backoff(base: .milliseconds(800), cap: .seconds(30)),
        random: any RandomSource = SystemRandomSource()
    ) {
        self.pageSize = pageSize
        self.streams = streams
        self.backoff = backoff
        self.random = random
        state = streams ? .openingList : .listing(ListProgress(resourceVersion: "0", isPaged: true))
    }

    var effect: Effect {
        switch state {
        case .listing(let progress):
            .list(
                ListOptions(
                    limit: progress.isPaged ? pageSize : nil, continueToken: progress.continueToken.isEmpty ? nil : progress.continueToken,
                    resourceVersion: progress.resourceVersion))
        case .openingList: .openWatchList
        case .opening(let version): .openWatch(version: version)
        case .streaming, .receivingList: .readWatch
        }
    }

    mutating func step(_ outcome: Outcome) -> Step {
        switch (state, outcome) {
        case (.listing(let progress), .listed(let page)): return take(page, progress)
        case (.listing(let progress), .failed(let error)): return listFailed(error, progress)
        case (.openingList, .opened):
            received = [:]
            state = .receivingList(received: 0)
            return Step()
        case (.receivingList(let count), .event(let event)): return takeInitial(event, count)
        case (.openingList, .failed(let error)), (.receivingList, .failed(let error)): return listStreamFailed(error)
        // No bookmark came, though there was time.
        case (.openingList, .stalled), (.receivingList, .stalled), (.receivingList, .ended): return listInstead()
        case (.opening(let version), .opened):
            state = .streaming(version: version, received: 0)
            return Step()
        case (.opening(let version), .failed(let error)): return watchFailed(error, version)
        case (.opening(let version), .stalled): return resume(from: version)
        case (.streaming(let version, let received), .event(let event)): return take(event, version, received)
        case (.streaming(let version, let received), .ended(let duration)):
            // A server that ends each watch at once must not be asked in a tight loop.
            if received == 0 && duration < .seconds(1) { return resume(from: version) }
            failures = 0
            state = .opening(version: version)
            return Step()
        case (.streaming(let version, _), .stalled): return resume(from: version)
        case (.streaming(let version, _), .failed(let error)): return watchFailed(error, version)
        default:
            // An outcome that does not belong to the effect asked for: begin again.
            return relist()
        }
    }

    private mutating func take(_ page: ResourceList<Resource>, _ progress: ListProgress) -> Step {
        var progress = progress
        progress.items += page.items
        guard page.continueToken.isEmpty else {
            progress.continueToken = page.continueToken
            state = .listing(progress)
            return Step()
        }
        state = .opening(version: page.resourceVersion)
        return Step(change: .replace(progress.items))
    }

    private mutating func takeInitial(_ event: WatchEvent<Resource>, _ count: Int) -> Step {
        state = .receivingList(received: count + 1)
        switch event {
        case .added(let object), .modified(let object): received[object.key] = object
        case .deleted(let object): received[object.key] = nil
        case .bookmark(let version, initialEventsEnd: true):
            failures = 0
            state = .streaming(version: version, received: count + 1)
            defer { received = [:] }
            return Step(change: .replace(Array(received.values)))
        case .bookmark: break
        }
        return Step()
    }

    private mutating func listStreamFailed(_ error: KubeError) -> Step {
        received = [:]
        // Who is not allowed to watch, or asks for a kind that is not served (yet), would not get a list either. What else does not pass by itself is the server's way
        // to say that it does not know this.
        let isRefused = error.status.map { [401, 403, 404].contains($0.code) } ?? false
        guard error.isRetryable || error.isExpired || isRefused else { return listInstead() }
        state = .openingList
        return Step(pause: pause(for: error))
    }

    private mutating func listInstead() -> Step {
        streams = false
        received = [:]
        return relist()
    }

    private mutating func listFailed(_ error: KubeError, _ progress: ListProgress) -> Step {
        if error.isExpired {
            // The snapshot behind the pages is gone: take the next one in one piece.
            return relist(isPaged: progress.continueToken.isEmpty)
        }
        if error.isRetryable { return Step(pause: pause(for: error)) }
        state = .listing(ListProgress(resourceVersion: nil, isPaged: progress.isPaged))
        return Step(pause: pause(for: error))
    }

    private mutating func watchFailed(_ error: KubeError, _ version: String) -> Step {
        if error.isExpired { return relist() }
        guard error.isRetryable else {
            state = streams ? .openingList : .listing(ListProgress(resourceVersion: nil, isPaged: true))
            return Step(pause: pause(for: error))
        }
        state = .opening(version: version)
        return Step(pause: pause(for: error))
    }

    private mutating func take(_ event: WatchEvent<Resource>, _ version: String, _ received: Int) -> Step {
        failures = 0
        switch event {
        case .added(let object), .modified(let object):
            state = .streaming(version: newer(object, version), received: received + 1)
            return Step(change: .set(object))
        case .deleted(let object):
            state = .streaming(version: newer(object, version), received: received + 1)
            return Step(change: .remove(object))
        case .bookmark(let bookmark, _):
            state = .streaming(version: bookmark.isEmpty ? version : bookmark, received: received + 1)
            return Step()
        }
    }

    private func newer(_ object: Resource, _ version: String) -> String {
        object.resourceVersion.isEmpty ? version : object.resourceVersion
    }

    private mutating func resume(from version: String) -> Step {
        state = .opening(version: version)
        failures += 1
        return Step(pause: backoff.delay(afterFailures: failures, random: random))
    }

    /// Lists from the latest state: at once the first time, after growing pauses when that leads nowhere.
    private mutating func relist(isPaged: Bool = true) -> Step {
        state = streams ? .openingList : .listing(ListProgress(resourceVersion: nil, isPaged: isPaged))
        failures += 1
        return Step(pause: failures > 1 ? backoff.delay(afterFailures: failures - 1, random: random) : .zero)
    }

    private mutating func pause(for error: KubeError) -> Duration {
        failures += 1
        return (error.retryAfter ?? .zero) + backoff.delay(afterFailures: failures, random: random)
    }
}
