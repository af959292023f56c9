import Base
import Columnar
import Testing

@testable import DeltaEngine

@Suite struct RankTableTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let type: DataType
        let values: [Scalar?]
        var testDescription: String { type.description }
    }

    private static func texts(_ random: SeededRandomSource) -> [Scalar?] {
        let words = ["", "a", "ab", "common", "common-1", "common-22222222", "common-22222223", "common-2222222", "ä", "zzz", "\u{0}"]
        return (0..<200).map { _ in .string(words[random.integer(below: words.count)] + words[random.integer(below: words.count)]) }
    }

    /// Ascending or not, with nulls, and what compares in a way of its own.
    static let cases: [Case] = {
        let random = SeededRandomSource(seed: 11)
        func integers(_ bound: Int) -> [Scalar?] { (0..<200).map { _ in .integer(Int64(random.integer(below: bound) - bound / 2)) } + [nil] }
        let doubles = (0..<200).map { _ in Scalar?.some(.double(Double(bitPattern: random.next()))) }
        let special: [Double] = [.nan, -.nan, .infinity, -.infinity, 0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude]
        let wide = (0..<200).map { _ in Scalar?.some(.decimal(Int128(Int64(bitPattern: random.next())) << Int128(random.integer(below: 60)), scale: 3)) }
        return [
            Case(type: .boolean, values: [.bool(true), .bool(false), nil, .bool(true)]),
            Case(type: .byte, values: integers(256)), Case(type: .short, values: integers(60_000)),
            Case(type: .integer, values: integers(1 << 32)), Case(type: .long, values: integers(.max) + [.integer(.min), .integer(.max)]),
            Case(type: .float, values: special.map { .float(Float($0)) } + [.float(1.5), .float(-1.5), nil]),
            Case(type: .double, values: doubles + special.map { .double($0) } + [nil]),
            Case(type: .decimal(precision: 9, scale: 2), values: (0..<100).map { .decimal(Int128($0 * 7 % 50 - 25), scale: 2) } + [nil]),
            Case(type: .decimal(precision: 38, scale: 3), values: wide + [nil]),
            Case(type: .string, values: texts(random) + [nil]),
            Case(type: .binary, values: [[], [0], [0, 0], [255], [1, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]].map { .binary(Bytes($0)) } + [nil]),
            Case(type: .date, values: (0..<100).map { .date(Int32($0 * 37 % 90) - 40) } + [nil]),
            Case(type: .timestamp, values: (0..<100).map { .timestamp(Int64($0 * 37 % 90) - 40) } + [nil]),
            Case(type: .timestampNTZ, values: (0..<100).map { .timestampNTZ(Int64($0 * 37 % 90) - 40) } + [nil]),
        ]
    }()

    private static func column(_ type: DataType, _ values: [Scalar?]) throws -> Column {
        let builder = ColumnBuilder(type: type)
        for value in values { try builder.append(value) }
        return builder.finish()
    }

    @Test(arguments: cases, [2, 3, 12, 65_535] as [Int])
    func ranksAreInTheOrderOfTheValues(of example: Case, highest: Int) throws {
        let column = try Self.column(example.type, example.values)
        for sample in [column, try column.gathering(Array(stride(from: 0, to: Int32(column.count), by: 3))), column.slice(0..<0)] {
            let ranks = RankTable(sample: sample, highest: highest).ranks(column)
            #expect(ranks.allSatisfy { $0 <= highest })
            for left in 0..<column.count {
                for right in 0..<column.count {
                    guard let a = example.values[left] else {
                        #expect(ranks[left] == 0)
                        continue
                    }
                    guard let b = example.values[right] else { continue }
                    switch Scalar.compare(a, b) {
                    case .ascending: #expect(ranks[left] <= ranks[right], "\(a) and \(b)")
                    case .equal: #expect(ranks[left] == ranks[right], "\(a) and \(b)")
                    default: break
                    }
                }
                if example.values[left] != nil { #expect(ranks[left] > 0) }
            }
        }
    }

    /// Whatever the values are like, the ranks are spread evenly.
    @Test func skewedValuesAreSpreadOverTheRanks() throws {
        let values = (0..<10_000).map { row in Scalar?.some(.double(Double(row % 100 == 0 ? row : 0) + Double(row) * 1e-9)) }
        let column = try Self.column(.double, values)
        let ranks = RankTable(sample: column, highest: 4095).ranks(column)
        for part in 0..<16 { #expect((500..<750).contains(ranks.filter { Int($0) / 256 == part }.count), "part \(part)") }
    }

    @Test func fewValuesLieFarApart() throws {
        let column = try Self.column(.boolean, (0..<100).map { .bool($0 % 2 == 0) })
        let ranks = Set(RankTable(sample: column, highest: 4095).ranks(column))
        #expect(ranks.count == 2)
        #expect((ranks.max() ?? 0) > 2000 && (ranks.min() ?? 0) < 10, "\(ranks)")
        // Nulls take as much room as they are frequent.
        let half = try Self.column(.long, (0..<100).map { $0 % 2 == 0 ? nil : .integer(Int64($0)) })
        let second = RankTable(sample: half, highest: 4095).ranks(half)
        #expect(second.filter { $0 > 0 }.min() ?? 0 > 2000)
    }
}
