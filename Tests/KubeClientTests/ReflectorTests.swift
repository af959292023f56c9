import Base
import HTTP
import TestSupport
import Testing

@testable import KubeClient

/// The reflector against a server that misbehaves by script.
struct ReflectorTests {
    private func run(
        _ server: ScriptedAPIServer, options: Reflector<ConfigMap>.Options? = nil, _ body: (Store<ConfigMap>, Lock<[String]>) async throws -> Void
    ) async throws {
        var chosen = Reflector<ConfigMap>.Options()
        chosen.pageSize = 2
        chosen.backoff = Backoff(base: .milliseconds(5), cap: .milliseconds(50))
        let reflector = Reflector<ConfigMap>(client: try server.client(), options: options ?? chosen)
        let changes = Lock<[String]>([])
        reflector.store.onChange { change in
            let sign = change.old == nil ? "+" : change.new == nil ? "-" : "~"
            changes.withLock { $0.append("\(sign)\(change.key.name)") }
        }
        let task = Task { await reflector.run() }
        try await body(reflector.store, changes)
        task.cancel()
        await task.value
        await server.stop()
    }

    private static func names(_ store: Store<ConfigMap>) -> [String] { store.keys.map(\.name).sorted() }

    @Test func listsPageByPageAndWatchesFromThere() async throws {
        let server = try ScriptedAPIServer { request, _ in
            if request.isWatch {
                #expect(request.query["resourceVersion"] == "10")
                #expect(request.query["allowWatchBookmarks"] == "true")
                return .events([.event("ADDED", .configMap("d", version: 11)), .event("DELETED", .configMap("a", version: 12))], staysOpen: true)
            }
            #expect(request.query["limit"] == "2")
            return request.query["continue"] == nil
                ? .json(.configMapList([.configMap("a", version: 1), .configMap("b", version: 2)], version: 10, next: "more"))
                : .json(.configMapList([.configMap("c", version: 3)], version: 10))
        }
        try await run(server) { store, changes in
            try await store.waitUntilSynced()
            await eventually("the events have arrived") { Self.names(store) == ["b", "c", "d"] }
            #expect(changes.withLock { $0 } == ["+a", "+b", "+c", "+d", "-a"])
            #expect(server.seen.map { $0.query["continue"] ?? "-" } == ["-", "more", "-"])
        }
    }

    private static var streaming: Reflector<ConfigMap>.Options {
        var options = Reflector<ConfigMap>.Options()
        options.streamsLists = true
        options.backoff = Backoff(base: .milliseconds(5), cap: .milliseconds(50))
        return options
    }

    @Test func takesAListAsTheBeginningOfAWatch() async throws {
        let server = try ScriptedAPIServer { request, _ in
            guard request.isWatch, request.query["resourceVersion"] == nil else { return .failure(500, "Unexpected") }
            return .events(
                [
                    .event("ADDED", .configMap("a", version: 1)), .event("ADDED", .configMap("b", version: 2)), .initialEventsEnd(version: 9),
                    .event("DELETED", .configMap("a", version: 10)),
                ], staysOpen: true)
        }
        try await run(server, options: Self.streaming) { store, changes in
            try await store.waitUntilSynced()
            await eventually("the events have arrived") { changes.withLock { $0.count } == 3 }
            #expect(Self.names(store) == ["b"] && changes.withLock { $0 } == ["+a", "+b", "-a"])
            let request = try #require(server.seen.first)
            #expect(server.seen.count == 1 && request.query["sendInitialEvents"] == "true" && request.query["resourceVersionMatch"] == "NotOlderThan")
        }
    }

    @Test func listsWhereTheServerDoesNotStreamLists() async throws {
        let server = try ScriptedAPIServer { request, _ in
            if request.query["sendInitialEvents"] != nil { return .failure(422, "Invalid") }
            return request.isWatch ? .events([], staysOpen: true) : .json(.configMapList([.configMap("a", version: 1)], version: 10))
        }
        try await run(server, options: Self.streaming) { store, _ in
            try await store.waitUntilSynced()
            await eventually("it watches") { server.seen.count == 3 }
            #expect(Self.names(store) == ["a"] && server.seen.map(\.isWatch) == [true, false, true])
        }
    }

    /// As a server does that ignores what it does not know: no bookmark comes, or one that means nothing.
    @Test(arguments: [[], [JSONValue.event("ADDED", .configMap("a", version: 1)), .bookmark(version: 5)]])
    func listsWhereTheServerSendsNoBookmark(events: [JSONValue]) async throws {
        let server = try ScriptedAPIServer { request, _ in
            if request.query["sendInitialEvents"] != nil { return .events(events, staysOpen: true) }
            return request.isWatch ? .events([], staysOpen: true) : .json(.configMapList([.configMap("a", version: 1)], version: 10))
        }
        var options = Self.streaming
        options.listStreamPatience = .milliseconds(50)
        try await run(server, options: options) { store, _ in
            try await store.waitUntilSynced()
            #expect(Self.names(store) == ["a"])
        }
    }

    @Test func aListThatIsCutIsBegunAnew() async throws {
        let server = try ScriptedAPIServer { request, index in
            guard request.query["sendInitialEvents"] != nil else { return .failure(500, "Unexpected") }
            if index == 0 { return .events([.event("ADDED", .configMap("gone", version: 1))]) }
            if index == 1 { return .events([.event("ADDED", .configMap("gone", version: 1)), .event("ERROR", .status(410, "Expired"))]) }
            return .events([.event("ADDED", .configMap("a", version: 1)), .initialEventsEnd(version: 9)], staysOpen: true)
        }
        try await run(server, options: Self.streaming) { store, changes in
            try await store.waitUntilSynced()
            #expect(Self.names(store) == ["a"] && changes.withLock { $0 } == ["+a"] && server.seen.count == 3)
        }
    }

    @Test func everythingIsReportedAgainNowAndThen() async throws {
        let clock = SteppedClock()
        let server = try ScriptedAPIServer { request, _ in
            request.isWatch ? .events([], staysOpen: true) : .json(.configMapList([.configMap("a", version: 1), .configMap("b", version: 2)], version: 10))
        }
        var options = Reflector<ConfigMap>.Options()
        options.resyncPeriod = .seconds(100)
        let reflector = Reflector<ConfigMap>(client: try server.client { $0.clock = clock }, options: options)
        let resynced = Lock<[String]>([])
        reflector.store.onChange { change in if change.isResync { resynced.withLock { $0.append(change.key.name) } } }
        let task = Task { await reflector.run() }
        try await reflector.store.waitUntilSynced()
        await eventually("it waits for the resync") { clock.sleepers(within: .seconds(110)) == 1 }
        #expect(clock.sleepers(within: .seconds(89)) == 0, "a tenth sooner at most")
        clock.advance(by: .seconds(110))
        await eventually("all are reported") { resynced.withLock { Set($0) } == ["a", "b"] }
        #expect(server.seen.count <= 2, "no request is made")
        task.cancel()
        await task.value
        await server.stop()
    }

    @Test func listsInOnePieceWhenALaterPageHasExpired() async throws {
        let server = try ScriptedAPIServer { request, _ in
            if request.isWatch { return .events([], staysOpen: true) }
            if request.query["continue"] != nil { return .failure(410, "Expired") }
            if request.query["limit"] == nil { return .json(.configMapList([.configMap("x", version: 1), .configMap("y", version: 2)], version: 20)) }
            return .json(.configMapList([.configMap("a", version: 1), .configMap("b", version: 2)], version: 10, next: "more"))
        }
        try await run(server) { store, _ in
            try await store.waitUntilSynced()
            #expect(Self.names(store) == ["x", "y"])
        }
    }

    @Test func aThirdPageThatHasExpiredBeginsTheListAnewInOnePiece() async throws {
        let server = try ScriptedAPIServer { request, _ in
            if request.isWatch { return .events([], staysOpen: true) }
            switch request.query["continue"] {
            case "3": return .failure(410, "Expired")
            case "2": return .json(.configMapList([.configMap("c", version: 3), .configMap("d", version: 4)], version: 10, next: "3"))
            default:
                guard request.query["limit"] != nil else { return .json(.configMapList([.configMap("x", version: 1)], version: 20)) }
                return .json(.configMapList([.configMap("a", version: 1), .configMap("b", version: 2)], version: 10, next: "2"))
            }
        }
        try await run(server) { store, changes in
            try await store.waitUntilSynced()
            await eventually("it watches") { server.seen.count == 5 }
            #expect(Self.names(store) == ["x"] && changes.withLock { $0 } == ["+x"], "nobody has heard of the pages before")
            #expect(server.seen.last?.query["resourceVersion"] == "20")
        }
    }

    /// Every second request is turned away for a while, the watch the most often.
    @Test func aStormOf429IsWaitedOutWithOneList() async throws {
        let server = try ScriptedAPIServer { request, index in
            if index < 60, index != 3 { return .failure(429, "TooManyRequests") }
            return request.isWatch
                ? .events([.event("ADDED", .configMap("b", version: 11))], staysOpen: true) : .json(.configMapList([.configMap("a", version: 1)], version: 10))
        }
        var options = Reflector<ConfigMap>.Options()
        options.backoff = Backoff(base: .milliseconds(1), cap: .milliseconds(2))
        try await run(server, options: options) { store, _ in
            await eventually("the watch is open at last") { Self.names(store) == ["a", "b"] }
            #expect(server.seen.count == 61 && server.seen.prefix(4).allSatisfy { !$0.isWatch } && server.seen.dropFirst(4).allSatisfy { $0.isWatch })
        }
    }

    @Test func listsAgainOn410InTheMiddleOfAWatchAndNoticesWhatWasDeletedMeanwhile() async throws {
        let server = try ScriptedAPIServer { request, _ in
            switch (request.isWatch, request.query["resourceVersion"]) {
            case (true, "10"): .events([.event("ADDED", .configMap("c", version: 11)), .event("ERROR", .status(410, "Expired"))])
            case (true, "30"): .events([], staysOpen: true)
            case (false, "0"): .json(.configMapList([.configMap("a", version: 1), .configMap("b", version: 2)], version: 10))
            case (false, nil): .json(.configMapList([.configMap("b", version: 2), .configMap("c", version: 29)], version: 30))
            default: .failure(500, "Unexpected")
            }
        }
        try await run(server) { store, changes in
            await eventually("both lists have been seen") { server.seen.count == 4 && Self.names(store) == ["b", "c"] }
            #expect(changes.withLock { $0 }.sorted() == ["+a", "+b", "+c", "-a", "~c"], "b, unchanged, is not reported again")
        }
    }

    @Test func goesOnAfterALineThatWasCut() async throws {
        let line = JSON.encode(.event("ADDED", .configMap("b", version: 12))) + "\n"
        let server = try ScriptedAPIServer { request, _ in
            switch (request.isWatch, request.query["resourceVersion"]) {
            case (false, _): .json(.configMapList([.configMap("a", version: 1)], version: 10))
            case (true, "10"): .pieces([Bytes(JSON.encode(.event("MODIFIED", .configMap("a", version: 11))) + "\n" + line.prefix(30))])
            case (true, "11"): .pieces([Bytes(line)], staysOpen: true)
            default: .failure(500, "Unexpected")
            }
        }
        try await run(server) { store, changes in
            await eventually("the cut event came again") { store.count == 2 }
            #expect(changes.withLock { $0 } == ["+a", "~a", "+b"])
            #expect(server.seen.count { !$0.isWatch } == 1, "no second list")
        }
    }

    @Test func readsEventsWhereverTheirBytesAreCut() async throws {
        let text = "größe 日本語 🦭"
        let events = (0..<20).map { JSONValue.event("MODIFIED", .configMap("a", version: 20 + $0, data: ["t": "\(text) \($0)"])) }
        let bytes = Bytes(events.map { JSON.encode($0) + "\n" }.joined())
        let pieces = stride(from: 0, to: bytes.count, by: 7).map { bytes.dropFirst($0).prefix(7) }
        let server = try ScriptedAPIServer { request, _ in
            request.isWatch ? .pieces(pieces, staysOpen: true) : .json(.configMapList([.configMap("a", version: 1)], version: 10))
        }
        try await run(server) { store, changes in
            // Those who are told of a change are told after the store has it.
            await eventually("all events are there") { changes.withLock { $0.count } == 21 }
            #expect(store.objects.first?.data?["t"] == "\(text) 19")
        }
    }

    @Test func eventsThatComeTwiceAreReportedOnce() async throws {
        let added = JSONValue.event("ADDED", .configMap("b", version: 11))
        let removed = JSONValue.event("DELETED", .configMap("c", version: 12))
        let server = try ScriptedAPIServer { request, _ in
            request.isWatch
                ? .events([added, added, removed, removed, .event("ADDED", .configMap("d", version: 13))], staysOpen: true)
                : .json(.configMapList([.configMap("c", version: 1)], version: 10))
        }
        try await run(server) { store, changes in
            await eventually("the last event is there") { Self.names(store) == ["b", "d"] }
            #expect(changes.withLock { $0 } == ["+c", "+b", "-c", "+d"])
        }
    }

    @Test func overloadIsWaitedOutWithoutListingAgain() async throws {
        let server = try ScriptedAPIServer { request, index in
            if !request.isWatch { return .json(.configMapList([.configMap("a", version: 1)], version: 10)) }
            return index < 4
                ? .failure(429, "TooManyRequests", headers: ["Retry-After": "3"]) : .events([.event("ADDED", .configMap("b", version: 11))], staysOpen: true)
        }
        var options = KubeClient.Options()
        let clock = ManualClock()
        options.clock = clock
        let client = try KubeClient(configuration: KubeConfiguration(server: "http://127.0.0.1:\(server.port)"), options: options)
        var reflectorOptions = Reflector<ConfigMap>.Options()
        // The manual clock does not wait: a watchdog by it would bark at once.
        reflectorOptions.watchdogGrace = .seconds(1_000_000)
        let source = CollectionSource(client: client, gvr: ConfigMap.gvr, namespace: nil, labelSelector: nil, fieldSelector: nil)
        let stepped = PausingClock(recording: clock)
        let reflector = Reflector(
            source: source, store: Store<ConfigMap>(), options: reflectorOptions, clock: stepped, random: SeededRandomSource(seed: 2), logger: .none)
        let task = Task { await reflector.run() }
        await eventually("the watch is open at last") { reflector.store.count == 2 }
        task.cancel()
        await task.value
        #expect(server.seen.count { !$0.isWatch } == 1)
        #expect(clock.slept.count == 3 && clock.slept.allSatisfy { $0 >= .seconds(3) }, "\(clock.slept)")
        await server.stop()
    }

    @Test func aServerThatIsAwayIsWaitedForWithoutListingAgain() async throws {
        let first = try ScriptedAPIServer { request, _ in
            request.isWatch ? .events([], staysOpen: true) : .json(.configMapList([.configMap("a", version: 1)], version: 10))
        }
        let port = first.port
        try await run(first) { store, _ in
            try await store.waitUntilSynced()
            await eventually("the watch is open") { first.seen.count == 2 }
            await first.stop()
            try await Task.sleep(for: .milliseconds(200))
            let second = try ScriptedAPIServer(port: port) { request, _ in
                request.isWatch && request.query["resourceVersion"] == "10"
                    ? .events([.event("ADDED", .configMap("b", version: 11))], staysOpen: true) : .failure(500, "Unexpected")
            }
            await eventually("the watch goes on") { store.count == 2 }
            #expect(second.seen.allSatisfy { $0.isWatch })
            await second.stop()
        }
    }

    @Test(arguments: [true, false])
    func aSilentServerIsLeftAfterAWhile(headIsSent: Bool) async throws {
        let server = try ScriptedAPIServer { request, index in
            if !request.isWatch { return .json(.configMapList([], version: 10)) }
            if index > 1 { return .events([.event("ADDED", .configMap("a", version: 11))], staysOpen: true) }
            if !headIsSent { try? await Task.sleep(for: .seconds(60)) }
            return .events([], staysOpen: true)
        }
        var options = Reflector<ConfigMap>.Options()
        options.backoff = Backoff(base: .milliseconds(5), cap: .milliseconds(50))
        options.watchTimeout = .milliseconds(50)
        options.watchdogGrace = .milliseconds(50)
        try await run(server, options: options) { store, _ in
            await eventually("the second watch brings the object") { store.count == 1 }
        }
    }

    @Test func anObjectThatCannotBeReadDoesNotHideTheOthers() async throws {
        var odd = JSONValue.configMap("odd", version: 3)
        odd["data"] = ["k": 5]
        let broken = odd
        let server = try ScriptedAPIServer { request, _ in
            request.isWatch
                ? .events([.event("MODIFIED", broken), .event("ADDED", .configMap("b", version: 11))], staysOpen: true)
                : .json(.configMapList([broken, .configMap("a", version: 1)], version: 10))
        }
        try await run(server) { store, _ in
            await eventually("the others are there") { Self.names(store) == ["a", "b"] }
        }
    }

    @Test func twoHundredWatchesShareOneClient() async throws {
        let server = try ScriptedAPIServer { request, _ in
            let namespace = String(request.path.split(separator: "/")[3])
            return request.isWatch
                ? .events([.event("ADDED", .configMap("b", version: 11, namespace: namespace))], staysOpen: true)
                : .json(.configMapList([.configMap("a", version: 1, namespace: namespace)], version: 10))
        }
        let client = try server.client()
        let reflectors = (0..<200).map { index in
            var options = Reflector<ConfigMap>.Options()
            options.namespace = "ns-\(index)"
            return Reflector<ConfigMap>(client: client, options: options)
        }
        let tasks = reflectors.map { reflector in Task { await reflector.run() } }
        await eventually("all have both objects") { reflectors.allSatisfy { $0.store.count == 2 } }
        #expect(reflectors[17].store[ObjectKey(namespace: "ns-17", name: "b")] != nil)
        tasks.forEach { $0.cancel() }
        for task in tasks { await task.value }
        await server.stop()
    }
}

/// Records pauses on another clock and takes none of them; only sleeps of a watchdog's length last.
private struct PausingClock: WallClock {
    let recording: ManualClock

    init(recording: ManualClock) { self.recording = recording }

    func now() -> Timestamp { recording.now() }

    func sleep(for duration: Duration) async throws {
        guard duration < .seconds(300) else { return try await Task.sleep(for: duration) }
        try await recording.sleep(for: duration)
    }
}
