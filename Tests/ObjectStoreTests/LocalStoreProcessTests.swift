import Base
import Foundation
import ObjectStore
import TestSupport
import Testing

/// Races and deaths of whole processes. The other processes are this test program again, told by a variable to be a racer.
@Suite struct LocalStoreProcessTests {
    private static let directoryVariable = "LEVEE_TEST_RACE_DIRECTORY"
    private static let rounds = 200

    /// What a spawned process does: put numbered objects until all are there.
    @Test(.enabled(if: environmentVariable(directoryVariable) != nil))
    func racer() async throws {
        let root = try #require(environmentVariable(Self.directoryVariable))
        let store = LocalStore(root: root, executor: Backend.executor)
        var won = 0
        let content = Bytes(String(repeating: "\(getpid())\n", count: 5000))
        for round in 0..<Self.rounds {
            do {
                try await store.put(ObjectPath("log/\(round)"), content, mode: .ifAbsent)
                won += 1
            } catch ObjectStoreError.alreadyExists {}
            try await store.put(ObjectPath("log/last"), Bytes(String(repeating: "\(round)\n", count: 5000)), mode: .overwrite)
        }
        try await store.put(ObjectPath("won/\(getpid())"), Bytes("\(won)"), mode: .ifAbsent)
    }

    private func spawn(_ root: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["--testing-library", "swift-testing", "--filter", "LocalStoreProcessTests"]
        process.environment = ProcessInfo.processInfo.environment.merging([Self.directoryVariable: root]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Whether all lines are the same: no reader ever sees half of a file, or two mixed.
    private func isWhole(_ text: String) -> Bool {
        let lines = text.split(separator: "\n")
        return lines.count == 5000 && Set(lines).count == 1 && text.hasSuffix("\n")
    }

    @Test(.enabled(if: environmentVariable(directoryVariable) == nil))
    func exactlyOneOfManyProcessesWins() async throws {
        let directory = try TemporaryDirectory()
        let racers = try (0..<4).map { _ in try spawn(directory.path) }
        for racer in racers { racer.waitUntilExit() }
        let store = LocalStore(root: directory.path, executor: Backend.executor)
        var won = 0
        for info in try await store.list(prefix: "won/", startAfter: nil).all() { won += Int(try await store.get(info.path).text) ?? 0 }
        #expect(won == Self.rounds)
        for round in 0..<Self.rounds { #expect(isWhole(try await store.get(ObjectPath("log/\(round)")).text)) }
        #expect(isWhole(try await store.get(ObjectPath("log/last")).text))
    }

    @Test(.enabled(if: environmentVariable(directoryVariable) == nil))
    func killedProcessesLeaveWholeObjectsAndNothingElse() async throws {
        let random = SeededRandomSource(seed: 0x1ea5)
        for _ in 0..<6 {
            let directory = try TemporaryDirectory()
            let racers = try (0..<2).map { _ in try spawn(directory.path) }
            // Until they are at work, and a little longer.
            for _ in 0..<1000 where directory.names(in: "log").count < 2 { usleep(10_000) }
            usleep(UInt32(random.integer(below: 60_000)))
            for racer in racers { kill(racer.processIdentifier, SIGKILL) }
            for racer in racers { racer.waitUntilExit() }
            let store = LocalStore(root: directory.path, executor: Backend.executor)
            let names = directory.names(in: "log")
            // A replacing put has its hidden name for the instant between link and rename; an exclusive one never has one.
            #expect(names.count { $0.hasPrefix(".") } <= racers.count)
            for name in names where !name.hasPrefix(".") { #expect(isWhole(try await store.get(ObjectPath("log/\(name)")).text), "\(name)") }
        }
    }
}
