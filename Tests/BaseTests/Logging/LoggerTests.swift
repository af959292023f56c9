import Glibc
import TestSupport
import Testing

@testable import Base

@Suite struct LoggerTests {
    final class Recorder: LogSink {
        let records = Lock<[LogRecord]>([])
        func write(_ record: LogRecord) { records.withLock { $0.append(record) } }
    }

    @Test func levelsAndFieldsAreKept() {
        let recorder = Recorder()
        let logger = Logger(label: "a", sink: recorder, minimum: .info, fields: ["x": 1]).with(["y": "b", "x": 2])
        logger.debug("dropped")
        logger.warning("kept", ["z": true])
        let records = recorder.records.withLock { $0 }
        #expect(records.map(\.message) == ["kept"])
        #expect(records.first?.fields.mapValues { "\($0)" } == ["x": "2", "y": "b", "z": "true"])
        #expect(!Logger.none.isEnabled(.error))
    }

    @Test func recordsAreOneLineInBothFormats() throws {
        let record = LogRecord(level: .info, label: "operator", message: "two\nlines", fields: ["n": 3, "ok": true, "path": "a b", "time": "mine", "r": 0.5])
        #expect(record.text(at: Timestamp(microseconds: 0)) == #"1970-01-01T00:00:00.000Z INFO    operator: two\nlines n=3 ok=true path="a b" r=0.5 time=mine"#)
        let json = try JSON.parse(record.json(at: Timestamp(microseconds: 0)))
        #expect(
            json == [
                "time": "1970-01-01T00:00:00.000000Z", "level": "info", "logger": "operator", "message": "two\nlines", "n": 3, "ok": true, "path": "a b",
                "time_": "mine", "r": 0.5,
            ])
    }

    @Test func linesOfManyThreadsStayWhole() async throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        defer { close(reading) }
        let logger = Logger(label: "t", sink: StandardErrorSink(format: .json, descriptor: writing))
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask { for index in 0..<50 { logger.info("line", ["task": task, "index": index]) } }
            }
        }
        close(writing)
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(reading, &chunk, chunk.count), count > 0 { text += chunk[..<count] }
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 200)
        for line in lines { _ = try JSON.parse(String(line)) }
    }
}
