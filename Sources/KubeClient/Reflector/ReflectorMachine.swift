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
        /// Reading the pages of a list.
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

    /// What becomes of the store. The objects of a list are put aside as they come (whoever does that may keep them in less room than they come in), and take the place
    /// of all others when the list is whole.
    enum Change: Sendable, Equatable {
        /// What was put aside is forgotten: a list begins, or came to nothing.
        case clear
        case putAside([Resource])
        /// An object that was put aside is gone already.
        case drop(Resource)
        /// What was put aside is the whole list.
        case replace
        case set(Resource)
        case remove(Resource)
    }

    struct Step: Sendable, Equatable {
        var changes: [Change] = []
        /// To wait before the next effect.
        var pause: Duration = .zero
    }

    private(set) var state: State
    private let pageSize: Int
    private let backoff: Backoff
    private let random: any RandomSource
    /// Failures since the last event, whole list, or watch that lasted.
    private var failures = 0
    /// Lists that had to be begun anew since a watch lasted. An event in between does not count: a server that sends one and says 410 would be listed without end.
    private var relists = 0
    /// Whether lists are to come as watches: as long as the server does that.
    private var streams: Bool
    /// Such lists in a row that ended before their bookmark.
    private var cutLists = 0

    /// A watch that was open for so long has proved that its list was good.
    static let lasting = Duration.seconds(60)
    /// So often a server may end a list that comes as a watch, as when it is restarted, before it is asked for pages.
    private static let maximumCutLists = 3
    /// So many times in a row a server may answer a watch by an error of its own before it is asked for a list: it may be that it cannot go on from this version.
    private static let maximumServerErrors = 10

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
            state = .receivingList(received: 0)
            return Step(changes: [.clear])
        case (.receivingList(let count), .event(let event)): return takeInitial(event, count)
        case (.openingList, .failed(let error)), (.receivingList, .failed(let error)): return listStreamFailed(error)
        // No bookmark came, though there was time.
        case (.openingList, .stalled), (.receivingList, .stalled): return listInstead()
        case (.receivingList, .ended(let duration)): return listStreamEnded(duration)
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

    /// The watch has been open for ``lasting``, however it ends: the next list is not one of a row.
    mutating func watchHasLasted() { relists = 0 }

    private mutating func take(_ page: ResourceList<Resource>, _ progress: ListProgress) -> Step {
        var step = Step(changes: progress.continueToken.isEmpty ? [.clear, .putAside(page.items)] : [.putAside(page.items)])
        guard page.continueToken.isEmpty else {
            var progress = progress
            progress.continueToken = page.continueToken
            state = .listing(progress)
            return step
        }
        state = .opening(version: page.resourceVersion)
        step.changes.append(.replace)
        return step
    }

    private mutating func takeInitial(_ event: WatchEvent<Resource>, _ count: Int) -> Step {
        state = .receivingList(received: count + 1)
        switch event {
        case .added(let object), .modified(let object): return Step(changes: [.putAside([object])])
        case .deleted(let object): return Step(changes: [.drop(object)])
        case .bookmark(let version, initialEventsEnd: true):
            failures = 0
            cutLists = 0
            state = .streaming(version: version, received: count + 1)
            return Step(changes: [.replace])
        case .bookmark: return Step()
        }
    }

    private mutating func listStreamFailed(_ error: KubeError) -> Step {
        // Who is not allowed to watch, or asks for a kind that is not served (yet), would not get a list either. What else does not pass by itself is the server's way
        // to say that it does not know this.
        let isRefused = error.status.map { [401, 403, 404].contains($0.code) } ?? false
        guard error.isRetryable || error.isExpired || isRefused else { return listInstead() }
        state = .openingList
        return Step(changes: [.clear], pause: pause(for: error))
    }

    /// A server that is shut down ends its watches in good order; one that ends them again and again, or has had its time, does not know of the bookmark.
    private mutating func listStreamEnded(_ duration: Duration) -> Step {
        cutLists += 1
        guard duration < Self.lasting, cutLists < Self.maximumCutLists else { return listInstead() }
        state = .openingList
        failures += 1
        return Step(changes: [.clear], pause: backoff.delay(afterFailures: failures, random: random))
    }

    private mutating func listInstead() -> Step {
        streams = false
        return relist()
    }

    private mutating func listFailed(_ error: KubeError, _ progress: ListProgress) -> Step {
        if error.isExpired, !progress.continueToken.isEmpty {
            // The snapshot behind the pages is gone: take the next one in one piece, as client-go's pager does.
            return relist(ListProgress(resourceVersion: progress.resourceVersion, isPaged: false))
        }
        if error.isExpired || error.isAheadOfServer { return relist() }
        if error.isRetryable { return Step(pause: pause(for: error)) }
        state = .listing(ListProgress(isPaged: progress.isPaged))
        return Step(changes: [.clear], pause: pause(for: error))
    }

    private mutating func watchFailed(_ error: KubeError, _ version: String) -> Step {
        if error.isExpired || error.isAheadOfServer { return relist() }
        guard error.isRetryable else {
            state = start
            return Step(pause: pause(for: error))
        }
        if error.status.map({ $0.code >= 500 }) ?? false, failures >= Self.maximumServerErrors { return relist() }
        state = .opening(version: version)
        return Step(pause: pause(for: error))
    }

    private mutating func take(_ event: WatchEvent<Resource>, _ version: String, _ received: Int) -> Step {
        failures = 0
        switch event {
        case .added(let object), .modified(let object):
            state = .streaming(version: newer(object, version), received: received + 1)
            return Step(changes: [.set(object)])
        case .deleted(let object):
            state = .streaming(version: newer(object, version), received: received + 1)
            return Step(changes: [.remove(object)])
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

    /// Where a list of the latest state begins.
    private var start: State { streams ? .openingList : .listing(ListProgress(isPaged: true)) }

    /// Lists again: at once the first time, after growing pauses when that leads nowhere.
    private mutating func relist(_ progress: ListProgress? = nil) -> Step {
        state = progress.map { .listing($0) } ?? start
        relists += 1
        return Step(changes: [.clear], pause: relists > 1 ? backoff.delay(afterFailures: relists - 1, random: random) : .zero)
    }

    private mutating func pause(for error: KubeError) -> Duration {
        failures += 1
        return (error.retryAfter ?? .zero) + backoff.delay(afterFailures: failures, random: random)
    }
}
