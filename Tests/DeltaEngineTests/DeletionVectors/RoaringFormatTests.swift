import Base
import TestSupport
import Testing

@testable import DeltaEngine

@Suite struct RoaringFormatTests {
    /// The rows that a vector leaves of a range.
    private func kept(_ rows: DeletedRows, _ range: Range<Int64>) -> [Int64] {
        rows.kept(in: range)?.map { range.lowerBound + Int64($0) } ?? Array(range)
    }

    /// The protocol's inline example is of an older format with another magic number and header; its 32-bit bitmap is the one of today.
    @Test func theProtocolsExampleReadsAsItSays() throws {
        let bytes = try #require(Z85.decode("wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L".utf8))
        #expect(throws: RoaringFormat.Damage.self) { try RoaringFormat.parse(Bytes(bytes)) }
        let header = RoaringFixture.serialize([0]).prefix(16)
        let rows = try RoaringFormat.parse(Bytes(Array(header) + bytes[12...]))
        #expect(rows.count == 6)
        #expect(kept(rows, 0..<30) == (0..<30).filter { ![3, 4, 7, 11, 18, 29].contains($0) })
        #expect(rows.kept(in: 8..<11) == nil)
        #expect(rows.count(in: 4..<19) == 4)
    }

    /// Random rows: scattered, dense, in runs, and beyond 32 bits.
    private static func rows(_ random: SeededRandomSource) -> [Int64] {
        var rows: Set<Int64> = []
        for _ in 0..<(1 + random.integer(below: 3)) {
            let start = Int64(random.integer(below: 400_000)) + (random.integer(below: 4) == 0 ? 1 << 33 : 0)
            switch random.integer(below: 3) {
            case 0: for _ in 0..<random.integer(below: 50) { rows.insert(start + Int64(random.integer(below: 100_000))) }
            case 1: for row in 0..<Int64(random.integer(below: 40_000)) where row % 3 != 0 { rows.insert(start + row) }
            default: for row in 0..<Int64(random.integer(below: 40_000)) { rows.insert(start + row) }
            }
        }
        return rows.sorted()
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64], RoaringFixture.Kind.allCases)
    func anyRowsComeBack(seed: UInt64, kind: RoaringFixture.Kind) throws {
        let random = SeededRandomSource(seed: seed)
        let expected = Self.rows(random)
        let rows = try RoaringFormat.parse(Bytes(RoaringFixture.serialize(expected, as: kind)))
        #expect(rows.count == Int64(expected.count), "seed \(seed)")
        let all = Set(expected)
        for _ in 0..<6 {
            let start = Int64(random.integer(below: 500_000)) + (random.integer(below: 4) == 0 ? 1 << 33 : 0)
            let range = start..<(start + Int64(random.integer(below: 8_000)))
            #expect(kept(rows, range) == range.filter { !all.contains($0) }, "seed \(seed), \(range)")
            #expect(rows.count(in: range) == Int64(range.count { all.contains($0) }), "seed \(seed), \(range)")
        }
        #expect(rows.count(in: 0..<Int64.max) == rows.count)
    }

    /// What is written says what the fixture says, and takes no more room than its smaller form.
    @Test(arguments: 1..<4 as Range<UInt64>) func whatIsWrittenIsReadAgain(seed: UInt64) throws {
        let random = SeededRandomSource(seed: seed)
        let (first, second) = (Self.rows(random), Self.rows(random))
        func deleted(_ rows: [Int64]) -> DeletedRows {
            var builder = DeletedRowsBuilder()
            for row in rows { builder.append(row) }
            return builder.finish()
        }
        let both = Set(first).union(second).sorted()
        for (rows, expected) in [(deleted(first), first), (deleted(first).union(deleted(second)), both), (.none, [])] {
            let bytes = RoaringFormat.serialize(rows)
            let read = try RoaringFormat.parse(bytes)
            #expect(read.count == Int64(expected.count) && rows.count == read.count, "seed \(seed)")
            #expect(try RoaringFormat.parse(Bytes(RoaringFixture.serialize(expected))).subtracting(read).count == 0, "seed \(seed)")
            let smaller = RoaringFixture.Kind.allCases.map { RoaringFixture.serialize(expected, as: $0).count }.min() ?? 0
            // Which containers are runs, and where each begins, is said only where some are, or there are many.
            #expect(bytes.count <= smaller + 16, "seed \(seed)")
        }
        // Vectors as other writers make them, runs among them, join as well.
        let runs = try RoaringFormat.parse(Bytes(RoaringFixture.serialize(first, as: .runs)))
        #expect(RoaringFormat.serialize(runs.union(deleted(second))) == RoaringFormat.serialize(deleted(both)), "seed \(seed)")
    }

    @Test(arguments: RoaringFixture.Kind.allCases) func damagedBytesAreAnError(kind: RoaringFixture.Kind) throws {
        let bytes = RoaringFixture.serialize([1, 2, 3, 70_000, 70_001, 200_000, 300_000] + (400_000..<410_000).map(Int64.init), as: kind)
        _ = try RoaringFormat.parse(Bytes(bytes))
        for length in 0..<min(bytes.count, 400) {
            #expect(throws: RoaringFormat.Damage.self) { try RoaringFormat.parse(Bytes(Array(bytes.prefix(length)))) }
        }
        #expect(throws: RoaringFormat.Damage.self) { try RoaringFormat.parse(Bytes(bytes + [0])) }
        #expect(throws: RoaringFormat.Damage.self) { try RoaringFormat.parse(Bytes(RoaringFixture.serialize([1], magic: 1_681_511_376))) }
        let random = SeededRandomSource(seed: 7)
        for _ in 0..<500 {
            var flipped = bytes
            for _ in 0...random.integer(below: 3) { flipped[random.integer(below: min(flipped.count, 120))] ^= 1 << UInt8(random.integer(below: 8)) }
            // Any result will do but a crash: what a flip makes of a position, the cardinality and the checksum tell.
            _ = try? RoaringFormat.parse(Bytes(flipped)).kept(in: 0..<100_000)
        }
    }
}
