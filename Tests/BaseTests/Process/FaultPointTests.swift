import Base
import Foundation
import TestSupport
import Testing

/// The process that dies is this test program again, told by a variable to walk through the points.
@Suite struct FaultPointTests {
    private static let walkVariable = "LEVEE_TEST_WALKS_FAULT_POINTS"

    @Test(.enabled(if: environmentVariable(walkVariable) != nil))
    func walker() {
        for _ in 0..<3 {
            FaultPoint.hit("first")
            FaultPoint.hit("second")
        }
    }

    @Test(
        .enabled(if: environmentVariable(walkVariable) == nil),
        arguments: [
            ("first", ["first"], true), ("second", ["first", "second"], true), ("second:2", ["first", "second", "first", "second"], true),
            ("second:9", ["first", "second", "first", "second", "first", "second"], false),
            ("other", ["first", "second", "first", "second", "first", "second"], false),
        ])
    func killsAtTheNamedStep(point: String, reached: [String], killed: Bool) throws {
        let directory = try TemporaryDirectory()
        let process = walk(["LEVEE_FAULT_POINT": point, "LEVEE_FAULT_LOG": directory.appending("log")])
        try process.run()
        process.waitUntilExit()
        #expect(try readFile(directory.appending("log")).text.split(separator: "\n").map(String.init) == reached)
        #expect((process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL) == killed)
    }

    @Test(.enabled(if: environmentVariable(walkVariable) == nil))
    func stopsAtTheNamedStepUntilItIsContinued() throws {
        let directory = try TemporaryDirectory()
        let process = walk(["LEVEE_FAULT_POINT": "second", "LEVEE_FAULT_SIGNAL": "STOP", "LEVEE_FAULT_LOG": directory.appending("log")])
        try process.run()
        while try !readFile("/proc/\(process.processIdentifier)/stat").text.contains(") T ") { usleep(10_000) }
        #expect(try readFile(directory.appending("log")).text == "first\nsecond\n")
        kill(process.processIdentifier, SIGCONT)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        #expect(try readFile(directory.appending("log")).text.split(separator: "\n").count == 6)
    }

    private func walk(_ variables: [String: String]) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["--testing-library", "swift-testing", "--filter", "FaultPointTests"]
        process.environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }.merging([Self.walkVariable: "1"]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return process
    }
}
