import Base
import Foundation
import TestSupport
import Testing

@testable import DevCluster

private func key(_ name: String) -> StoredKey { StoredKey(resource: "things", namespace: "ns", name: name) }

private func thing(_ value: Int) -> JSONValue { ["metadata": ["name": "x"], "value": .integer(Int64(value))] }

/// A state directory that goes with the test.
private final class StateDirectory {
    let path = "\(NSTemporaryDirectory())levee-store-\(UUID.v4())"

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var logPath: String {
        get throws { "\(path)/" + (try #require(try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasPrefix("changes-") }.max())) }
    }
}

@Test func writesAreThereAfterAReopening() async throws {
    let directory = StateDirectory()
    do {
        let store = try ClusterStore(directory: directory.path)
        let first = try await store.write(key("a"), .object(thing(1)), expecting: .absent)
        _ = try await store.write(key("b"), .object(thing(2)), expecting: .absent)
        _ = try await store.write(key("a"), .object(thing(3)), expecting: .version(first.resourceVersion))
        let doomed = try #require(store.get(key("b")))
        _ = try await store.write(key("b"), .removed, expecting: .version(doomed.resourceVersion))
    }
    let store = try ClusterStore(directory: directory.path)
    #expect(store.get(key("a"))?["value"] == 3)
    #expect(store.get(key("b")) == nil)
    let next = try await store.write(key("c"), .object(thing(4)), expecting: .absent)
    #expect(UInt64(next.resourceVersion) == 6)
}

@Test func expectationsDecideWhoWins() async throws {
    let directory = StateDirectory()
    let store = try ClusterStore(directory: directory.path)
    let first = try await store.write(key("a"), .object(thing(1)), expecting: .absent)
    await #expect(throws: ClusterStore.WriteError.self) { try await store.write(key("a"), .object(thing(2)), expecting: .absent) }
    _ = try await store.write(key("a"), .object(thing(2)), expecting: .version(first.resourceVersion))
    await #expect(throws: ClusterStore.WriteError.self) { try await store.write(key("a"), .removed, expecting: .version(first.resourceVersion)) }
    #expect(store.get(key("a"))?["value"] == 2)
}

/// The log cut at every byte of its last line: the state is that of before or after the last change, never an error.
@Test func aTornTailIsNoLossAndNoError() async throws {
    let directory = StateDirectory()
    var whole: [UInt8] = []
    var before = 0
    do {
        let store = try ClusterStore(directory: directory.path)
        _ = try await store.write(key("a"), .object(thing(1)), expecting: .absent)
        before = try #require(try StateFiles.read(try directory.logPath)).count
        _ = try await store.write(key("b"), .object(thing(2)), expecting: .absent)
        whole = try #require(try StateFiles.read(try directory.logPath))
    }
    let log = try directory.logPath
    for length in before...whole.count {
        try Data(whole.prefix(length)).write(to: URL(fileURLWithPath: log))
        let store = try ClusterStore(directory: directory.path)
        #expect(store.get(key("a"))?["value"] == 1)
        #expect((store.get(key("b")) == nil) == (length < whole.count), "cut at \(length) of \(whole.count)")
        _ = try await store.write(key("c"), .object(thing(3)), expecting: .absent)
        let again = try WriteAheadLog.read(log)
        #expect(again.changes.last?.key == key("c"))
    }
}

@Test func damageInTheMiddleIsAnErrorThatNamesTheLine() async throws {
    let directory = StateDirectory()
    do {
        let store = try ClusterStore(directory: directory.path)
        for name in ["a", "b", "c"] { _ = try await store.write(key(name), .object(thing(1)), expecting: .absent) }
    }
    let log = try directory.logPath
    var content = try #require(try StateFiles.read(log))
    let second = try #require(content.firstIndex(of: UInt8(ascii: "\n"))) + 20
    content[second] ^= 1
    try Data(content).write(to: URL(fileURLWithPath: log))
    do {
        _ = try ClusterStore(directory: directory.path)
        Issue.record("the damage was not seen")
    } catch {
        #expect(error.description.contains("line 2") && error.description.contains("checksum"))
    }
}

@Test func compactionKeepsEverything() async throws {
    let directory = StateDirectory()
    let random = SeededRandomSource(seed: 7)
    var expected: [String: Int] = [:]
    do {
        // So small that it is compacted all the time.
        let store = try ClusterStore(directory: directory.path, compactionSize: 2000)
        for number in 0..<300 {
            let name = "n\(random.integer(below: 20))"
            if let current = store.get(key(name)) {
                let removes = random.integer(below: 3) == 0
                _ = try await store.write(key(name), removes ? .removed : .object(thing(number)), expecting: .version(current.resourceVersion))
                expected[name] = removes ? nil : number
            } else {
                _ = try await store.write(key(name), .object(thing(number)), expecting: .absent)
                expected[name] = number
            }
        }
        #expect(StateFiles.list(directory.path).contains("snapshot"))
    }
    let store = try ClusterStore(directory: directory.path)
    let found = Dictionary(
        uniqueKeysWithValues: store.list("things").table.objects.map {
            ($0.key.split(separator: "/").last.map(String.init) ?? "", $0.value["value"]?.intValue.map(Int.init) ?? -1)
        })
    #expect(found == expected)
    #expect(StateFiles.list(directory.path).count { $0.hasPrefix("changes-") } <= 2)
}

@Test func aDirectoryHasOneControlPlane() throws {
    let directory = StateDirectory()
    let store = try ClusterStore(directory: directory.path)
    #expect(throws: StorageError.self) { try ClusterStore(directory: directory.path) }
    withExtendedLifetime(store) {}
}

@Test func watchesGetEveryChangeInOrderFromWhereTheyStart() async throws {
    let directory = StateDirectory()
    let store = try ClusterStore(directory: directory.path)
    let first = try await store.write(key("a"), .object(thing(1)), expecting: .absent)
    _ = try await store.write(key("b"), .object(thing(2)), expecting: .absent)
    let revision = try #require(UInt64(first.resourceVersion))
    let watch = try #require(store.watch("things", from: .after(revision)))
    try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<50 { group.addTask { _ = try await store.write(key("n\(number)"), .object(thing(number)), expecting: .absent) } }
        try await group.waitForAll()
    }
    var revisions: [UInt64] = []
    while revisions.count < 51 {
        guard case let .events(events) = await watch.channel.take() else { break }
        revisions += events.map(\.revision)
    }
    #expect(revisions == Array(revision + 1...revision + 51))
    #expect(store.settledRevision(watch.channel) == revision + 51)
    store.unwatch("things", watch.channel)
}

@Test func whatIsForgottenCannotBeWatched() {
    var table = ResourceTable(forgottenRevision: 0)
    let last = UInt64(ResourceTable.historyLimit * 5 / 4 + 1)
    for revision in 1...last { _ = table.apply(StateChange(revision: revision, key: key("a"), object: thing(Int(revision)))) }
    #expect(table.forgottenRevision == last - UInt64(ResourceTable.historyLimit))
    #expect(table.events(after: table.forgottenRevision - 1) == nil)
    #expect(table.events(after: table.forgottenRevision)?.count == ResourceTable.historyLimit)
    #expect(table.state(at: last - 10)?.objects["ns/a"]?["value"] == .integer(Int64(last - 10)))
}

@Test func aWatchThatFallsTooFarBehindIsEnded() async {
    let channel = WatchChannel(limit: 3)
    for revision in 1...5 {
        channel.push(StoreEvent(kind: .added, revision: UInt64(revision), key: key("a"), object: thing(1), previous: nil))
    }
    guard case .ended = await channel.take() else {
        Issue.record("the channel goes on")
        return
    }
}
