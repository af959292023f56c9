import Base
import HTTP
import Testing

@testable import KubeClient

/// Each transition of the list-and-watch, as a table.
struct ReflectorMachineTests {
    private typealias Machine = ReflectorMachine

    private static func failure(_ code: Int, _ reason: String = "", retryAfter: Duration? = nil) -> Machine.Outcome {
        .failed(.status(APIStatus(code: code, reason: reason, retryAfter: retryAfter), request: "GET /"))
    }

    private static let refused = Machine.Outcome.failed(.transport(.connectionFailed(url: "", reason: "refused")))
    private static let ahead = Machine.Outcome.failed(
        .status(
            APIStatus(code: 504, reason: "Timeout", causes: [.init(field: "", message: "Too large resource version", reason: "ResourceVersionTooLarge")]),
            request: "GET /"))
    private static let broken = Machine.Outcome.failed(.transport(.interrupted(url: "", reason: "cut")))
    private static let nonsense = Machine.Outcome.failed(.unexpectedResponse(request: "", reason: "no event"))

    private static func page(_ version: String, _ names: [Int] = [], next: String = "") -> Machine.Outcome {
        .listed(ResourceList(items: names.map { object("o\($0)", $0) }, resourceVersion: version, continueToken: next))
    }

    private static func object(_ name: String, _ version: Int) -> Resource { Resource(json: .configMap(name, version: version)) }

    private func machine(_ outcomes: [Machine.Outcome]) -> (Machine, Machine.Step) {
        var machine = Machine(pageSize: 2, backoff: Backoff(base: .seconds(1), cap: .seconds(30)), random: SeededRandomSource(seed: 5))
        var step = Machine.Step()
        for outcome in outcomes { step = machine.step(outcome) }
        return (machine, step)
    }

    private static let cached = ListOptions(limit: 2, resourceVersion: "0")
    private static let latest = ListOptions(limit: 2)

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var outcomes: [ReflectorMachine.Outcome]
        var effect: ReflectorMachine.Effect
        var pauses: Bool
    }

    @Test(arguments: [
        Case(testDescription: "starts with the server's cache", outcomes: [], effect: .list(cached), pauses: false),
        Case(
            testDescription: "asks for the next page", outcomes: [page("5", [1, 2], next: "t")],
            effect: .list(ListOptions(limit: 2, continueToken: "t", resourceVersion: "0")), pauses: false),
        Case(testDescription: "watches from the list's version", outcomes: [page("5")], effect: .openWatch(version: "5"), pauses: false),
        Case(testDescription: "reads what it has opened", outcomes: [page("5"), .opened], effect: .readWatch, pauses: false),
        Case(
            testDescription: "lists in one piece when a later page has expired", outcomes: [page("5", [1], next: "t"), failure(410, "Expired")],
            effect: .list(ListOptions(resourceVersion: "0")), pauses: false),
        Case(
            testDescription: "asks for the same page again after overload", outcomes: [page("5", [1], next: "t"), failure(429)],
            effect: .list(ListOptions(limit: 2, continueToken: "t", resourceVersion: "0")), pauses: true),
        Case(testDescription: "waits while the kind is not served", outcomes: [failure(404)], effect: .list(latest), pauses: true),
        Case(testDescription: "waits while listing is forbidden", outcomes: [failure(403)], effect: .list(latest), pauses: true),
        Case(testDescription: "waits while connections are refused", outcomes: [refused], effect: .list(cached), pauses: true),
        Case(testDescription: "lists again when the version is too old to watch", outcomes: [page("5"), failure(410)], effect: .list(latest), pauses: false),
        Case(
            testDescription: "lists again on 410 in the middle of a watch", outcomes: [page("5"), .opened, .event(.added(object("a", 6))), failure(410)],
            effect: .list(latest), pauses: false),
        Case(
            testDescription: "pauses when listing again leads to 410 again", outcomes: [page("5"), failure(410), page("6"), failure(410)],
            effect: .list(latest),
            pauses: true),
        Case(testDescription: "does not list again on 429", outcomes: [page("5"), failure(429)], effect: .openWatch(version: "5"), pauses: true),
        Case(testDescription: "does not list again on refused connections", outcomes: [page("5"), refused], effect: .openWatch(version: "5"), pauses: true),
        Case(testDescription: "does not list again on 503", outcomes: [page("5"), failure(503)], effect: .openWatch(version: "5"), pauses: true),
        Case(
            testDescription: "pauses when each list leads to one event and 410",
            outcomes: [page("5"), .opened, .event(.added(object("a", 6))), failure(410), page("6"), .opened, .event(.added(object("a", 7))), failure(410)],
            effect: .list(latest), pauses: true),
        Case(
            testDescription: "lists again where the server does not know the version yet", outcomes: [page("5"), ahead], effect: .list(latest), pauses: false),
        Case(
            testDescription: "asks for the latest state where the server does not know the list's version yet", outcomes: [ahead], effect: .list(latest),
            pauses: false),
        Case(
            testDescription: "goes on watching however often the server is overloaded", outcomes: [page("5")] + Array(repeating: failure(429), count: 50),
            effect: .openWatch(version: "5"), pauses: true),
        Case(
            testDescription: "goes on watching however often connections are refused", outcomes: [page("5")] + Array(repeating: refused, count: 50),
            effect: .openWatch(version: "5"), pauses: true),
        Case(
            testDescription: "lists again when the server fails ten times in a row", outcomes: [page("5")] + Array(repeating: failure(500), count: 11),
            effect: .list(latest), pauses: false),
        Case(testDescription: "lists again when watching is forbidden", outcomes: [page("5"), failure(403)], effect: .list(latest), pauses: true),
        Case(
            testDescription: "goes on from the last event after a broken watch",
            outcomes: [page("5"), .opened, .event(.added(object("a", 6))), .event(.modified(object("a", 9))), broken], effect: .openWatch(version: "9"),
            pauses: true),
        Case(
            testDescription: "goes on from the last bookmark",
            outcomes: [page("5"), .opened, .event(.bookmark(resourceVersion: "40", initialEventsEnd: false)), .ended(after: .seconds(300))],
            effect: .openWatch(version: "40"), pauses: false),
        Case(
            testDescription: "opens again at once after a watch that lasted", outcomes: [page("5"), .opened, .ended(after: .seconds(300))],
            effect: .openWatch(version: "5"), pauses: false),
        Case(
            testDescription: "pauses when watches end at once", outcomes: [page("5"), .opened, .ended(after: .milliseconds(3))],
            effect: .openWatch(version: "5"), pauses: true),
        Case(
            testDescription: "opens a silent watch again", outcomes: [page("5"), .opened, .event(.deleted(object("a", 7))), .stalled],
            effect: .openWatch(version: "7"), pauses: true),
        Case(testDescription: "lists again when an event makes no sense", outcomes: [page("5"), .opened, nonsense], effect: .list(latest), pauses: true),
    ])
    func leadsTo(_ row: Case) {
        let (machine, step) = machine(row.outcomes)
        #expect(machine.effect == row.effect)
        #expect((step.pause > .zero) == row.pauses, "pause \(step.pause)")
    }

    // MARK: - Lists as watches

    private static let end = Machine.Outcome.event(.bookmark(resourceVersion: "9", initialEventsEnd: true))
    private static let bookmark = Machine.Outcome.event(.bookmark(resourceVersion: "8", initialEventsEnd: false))

    private func streaming(_ outcomes: [Machine.Outcome]) -> (Machine, [Machine.Step]) {
        var machine = Machine(pageSize: 2, streams: true, backoff: Backoff(base: .seconds(1), cap: .seconds(30)), random: SeededRandomSource(seed: 5))
        let steps = outcomes.map { machine.step($0) }
        return (machine, steps)
    }

    @Test(arguments: [
        Case(testDescription: "starts with a watch", outcomes: [], effect: .openWatchList, pauses: false),
        Case(testDescription: "reads it", outcomes: [.opened, .event(.added(object("a", 1)))], effect: .readWatch, pauses: false),
        Case(testDescription: "goes on with the same one", outcomes: [.opened, .event(.added(object("a", 1))), end], effect: .readWatch, pauses: false),
        Case(
            testDescription: "watches from the bookmark when it has ended", outcomes: [.opened, end, .ended(after: .seconds(300))],
            effect: .openWatch(version: "9"), pauses: false),
        Case(testDescription: "lists where the server refuses it", outcomes: [failure(422, "Invalid")], effect: .list(latest), pauses: false),
        Case(testDescription: "lists where the server does not understand it", outcomes: [failure(400, "BadRequest")], effect: .list(latest), pauses: false),
        Case(
            testDescription: "lists where no bookmark came", outcomes: [.opened, bookmark, .ended(after: .seconds(300))], effect: .list(latest), pauses: false),
        Case(testDescription: "lists where nothing came", outcomes: [.opened, .stalled], effect: .list(latest), pauses: false),
        Case(testDescription: "lists where it did not open", outcomes: [.stalled], effect: .list(latest), pauses: false),
        Case(testDescription: "asks again while the kind is not served", outcomes: [failure(404)], effect: .openWatchList, pauses: true),
        Case(testDescription: "asks again while it is forbidden", outcomes: [failure(403)], effect: .openWatchList, pauses: true),
        Case(testDescription: "asks again after overload", outcomes: [failure(429)], effect: .openWatchList, pauses: true),
        Case(testDescription: "asks again when connections are refused", outcomes: [refused], effect: .openWatchList, pauses: true),
        Case(testDescription: "asks again where it broke", outcomes: [.opened, .event(.added(object("a", 1))), broken], effect: .openWatchList, pauses: true),
        Case(testDescription: "asks again on 410 in the middle of a watch", outcomes: [.opened, end, failure(410)], effect: .openWatchList, pauses: false),
        Case(
            testDescription: "remembers that the server does not do it", outcomes: [failure(422), page("5"), failure(410)], effect: .list(latest), pauses: true),
    ])
    func streamsLists(_ row: Case) {
        let (machine, steps) = streaming(row.outcomes)
        #expect(machine.effect == row.effect)
        #expect((steps.last?.pause ?? .zero > .zero) == row.pauses)
    }

    /// What a store would be told by these steps: the lists that replace all else, and the changes.
    private func told(_ steps: [Machine.Step]) -> [String] {
        var aside: [String: Resource] = [:]
        var told: [String] = []
        for change in steps.flatMap(\.changes) {
            switch change {
            case .clear: aside = [:]
            case .putAside(let objects): for object in objects { aside[object.name] = object }
            case .drop(let object): aside[object.name] = nil
            case .replace: told.append(aside.values.map { "\($0.name)@\($0.resourceVersion)" }.sorted().joined(separator: " "))
            case .set(let object): told.append("+\(object.name)@\(object.resourceVersion)")
            case .remove(let object): told.append("-\(object.name)")
            }
        }
        return told
    }

    @Test func replacesOnceTheBookmarkIsThere() {
        let (_, steps) = streaming([
            .opened, .event(.added(Self.object("a", 1))), .event(.added(Self.object("b", 2))), Self.bookmark, .event(.modified(Self.object("a", 7))),
            .event(.deleted(Self.object("b", 8))), Self.end, .event(.added(Self.object("c", 10))),
        ])
        #expect(told(steps) == ["a@7", "+c@10"])
        let (_, broken) = streaming([.opened, .event(.added(Self.object("a", 1))), Self.broken, .opened, .event(.added(Self.object("b", 2))), Self.end])
        #expect(told(broken) == ["b@2"], "what came before it broke is forgotten")
    }

    @Test func replacesOnceAllPagesAreThere() {
        func steps(_ outcomes: [Machine.Outcome]) -> [Machine.Step] {
            var machine = Machine(pageSize: 2, random: SeededRandomSource(seed: 5))
            return outcomes.map { machine.step($0) }
        }
        let first = [Self.page("5", [1, 2], next: "t")]
        #expect(told(steps(first)).isEmpty)
        #expect(told(steps(first + [Self.page("5", [3])])) == ["o1@1 o2@2 o3@3"])
        #expect(told(steps(first + [Self.failure(410), Self.page("8", [4])])) == ["o4@4"], "pages of the expired list are forgotten")
    }

    @Test func aWatchThatHasLastedMakesTheNextListTheFirst() {
        var machine = Machine(backoff: Backoff(base: .seconds(1), cap: .seconds(30)), random: Highest())
        func expire() -> Duration {
            for outcome in [Self.page("5"), .opened, .event(.added(Self.object("a", 6)))] { _ = machine.step(outcome) }
            return machine.step(Self.failure(410)).pause
        }
        #expect(expire() == .zero)
        #expect(expire() > .zero && expire() > .seconds(1))
        machine.watchHasLasted()
        #expect(expire() == .zero)
    }

    @Test func aListThatIsCutIsAskedForThreeTimes() {
        let cut: [Machine.Outcome] = [.opened, .event(.added(Self.object("a", 1))), .ended(after: .seconds(1))]
        let (again, steps) = streaming(cut + cut)
        #expect(again.effect == .openWatchList && steps.last?.pause ?? .zero > .zero)
        let (given, _) = streaming(cut + cut + cut)
        #expect(given.effect == .list(Self.latest))
    }

    @Test func waitsAsLongAsTheServerAsks() {
        let (_, step) = machine([Self.page("5"), Self.failure(429, retryAfter: .seconds(17))])
        #expect(step.pause >= .seconds(17))
    }

    @Test func pausesGrowAndAnEventEndsThem() {
        var machine = Machine(backoff: Backoff(base: .seconds(1), cap: .seconds(30)), random: Highest())
        _ = machine.step(Self.page("5"))
        let pauses = (0..<7).map { _ in Int(machine.step(Self.refused).pause.components.seconds + 1) }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30])
        _ = machine.step(.opened)
        _ = machine.step(.event(.added(Self.object("a", 6))))
        #expect(machine.step(Self.broken).pause <= .seconds(1))
    }
}

/// The largest value always: jitter at its upper end.
struct Highest: RandomSource {
    func next() -> UInt64 { .max }
}
