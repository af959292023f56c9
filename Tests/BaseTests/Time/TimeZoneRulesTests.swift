import Base
import Foundation
import Testing

@Suite struct TimeZoneRulesTests {
    /// Foundation reads the same database by other code.
    @Test(arguments: [
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Apia", "Europe/Dublin",
    ])
    func offsetsAreFoundations(name: String) throws {
        let rules = try TimeZoneRules(named: name)
        let reference = try #require(TimeZone(identifier: name))
        let seed: UInt64 = 0x7a0e_5eed
        var state = seed
        for _ in 0..<2000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // 1970 to 2036: what both databases' explicit data and rules agree on.
            let seconds = Int64((state >> 33) % 2_082_758_400)
            let expected = reference.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
            #expect(rules.offsetSeconds(at: Timestamp(milliseconds: seconds * 1000)) == expected, "seed \(seed): \(seconds)")
        }
    }

    @Test func readingsComeNoneOnceOrTwice() throws {
        let berlin = try TimeZoneRules(named: "Europe/Berlin")
        func readings(_ year: Int64, _ month: Int, _ day: Int, _ hour: Int, _ minute: Int) throws -> [String] {
            let date = try #require(CivilDate(year: year, month: month, day: day))
            return berlin.timestamps(of: LocalDateTime(date: date, hour: hour, minute: minute)).map(\.rfc3339)
        }
        #expect(try readings(2026, 3, 29, 2, 30) == [])
        #expect(try readings(2026, 10, 25, 2, 30) == ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"])
        #expect(try readings(2026, 7, 1, 12, 0) == ["2026-07-01T10:00:00Z"])
    }

    @Test(arguments: ["Europe/Nowhere", "../../../etc/passwd", "/etc/passwd", "", "Europe/Ber\u{0}lin", "Europe"])
    func unknownNamesAreRefused(name: String) {
        #expect(throws: TimeZoneError.self) { try TimeZoneRules(named: name) }
    }

    /// Every cut and many flips of a real file: an error or some rules, never a trap.
    @Test func damagedDataNeverTraps() throws {
        let path = "/usr/share/zoneinfo/Europe/Berlin"
        guard let data = FileManager.default.contents(atPath: path) else {
            print("skipped: \(path) is not there")
            return
        }
        let bytes = [UInt8](data)
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("zones-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        func probe(_ content: [UInt8]) throws {
            try Data(content).write(to: directory.appendingPathComponent("Zone"))
            _ = try? TimeZoneRules(named: "Zone", directory: directory.path).offsetSeconds(at: Timestamp(milliseconds: 1_795_257_000_000))
        }
        for length in stride(from: 0, to: bytes.count, by: 7) { try probe(Array(bytes[..<length])) }
        for index in bytes.indices where index % 3 == 0 || index < 100 {
            var flipped = bytes
            flipped[index] ^= 0x80
            try probe(flipped)
        }
    }
}
