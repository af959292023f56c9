import Base
import Columnar
import Testing

@testable import DeltaEngine

@Suite struct CurveTests {
    /// All cells of a grid, in the order of the curve.
    private static func walk(_ curve: SpaceFillingCurve, columns: Int, bits: Int) -> (keys: [UInt64], cells: [[Int]]) {
        let side = 1 << bits
        let count = (0..<columns).reduce(1) { total, _ in total * side }
        let cells = (0..<count).map { cell in (0..<columns).map { cell >> ($0 * bits) & (side - 1) } }
        var ranks = (0..<columns).map { column in cells.map { UInt16($0[column]) } }
        let keys = CurveKeys(curve, columns: columns, bits: bits).keys(&ranks, count: count)
        return (keys.sorted(), RowOrder.sorted(keys).map { cells[Int($0)] })
    }

    @Test(arguments: SpaceFillingCurve.allCases, [(2, 1), (2, 5), (3, 3), (4, 2), (6, 1)] as [(Int, Int)])
    func eachCellHasAPlaceOfItsOwn(curve: SpaceFillingCurve, size: (columns: Int, bits: Int)) {
        let (keys, cells) = Self.walk(curve, columns: size.columns, bits: size.bits)
        #expect(keys == (0..<UInt64(keys.count)).map { $0 })
        #expect(Set(cells).count == cells.count)
    }

    @Test(arguments: [(2, 1), (2, 5), (3, 3), (4, 2)] as [(Int, Int)])
    func hilbertsCurveGoesFromCellToNextCell(columns: Int, bits: Int) {
        let cells = Self.walk(.hilbert, columns: columns, bits: bits).cells
        for (cell, next) in zip(cells, cells.dropFirst()) {
            let steps = zip(cell, next).map { abs($0 - $1) }
            #expect(steps.reduce(0, +) == 1, "\(cell) to \(next)")
        }
    }

    @Test func theFirstColumnsBitsComeFirst() {
        #expect(Self.walk(.zorder, columns: 2, bits: 1).cells == [[0, 0], [0, 1], [1, 0], [1, 1]])
    }

    @Test func oneColumnIsOrderedByItsRanks() {
        var ranks: [[UInt16]] = [[5, 0, 65_535]]
        #expect(CurveKeys(.hilbert, columns: 1).keys(&ranks, count: 3) == [5, 0, 65_535])
    }

    @Test(arguments: 1...CurveKeys.mostColumns)
    func noPlaceIsTheLargestNumber(columns: Int) {
        for curve in SpaceFillingCurve.allCases {
            let keys = CurveKeys(curve, columns: columns)
            var ranks = [[UInt16]](repeating: [0, UInt16(keys.highestRank)], count: columns)
            #expect(keys.keys(&ranks, count: 2).allSatisfy { $0 < UInt64(1) << 60 })
        }
    }

    // MARK: Orders

    @Test(arguments: [0, 1, 2, 1000] as [Int], [1, 3, 17, 60] as [Int])
    func rowsAreSortedStably(count: Int, bits: Int) {
        let random = SeededRandomSource(seed: UInt64(count * 100 + bits))
        let keys = (0..<count).map { _ in random.next() >> UInt64(64 - bits) }
        let expected = keys.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }.map { Int32($0) }
        #expect(RowOrder.sorted(keys) == expected)
    }

    @Test func aKeyOfManyRowsGetsARangeOfItsOwn() {
        let random = SeededRandomSource(seed: 4)
        let sample = (0..<1000).map { $0 % 2 == 0 ? 500 : UInt64(random.integer(below: 1000)) }
        let ranges = KeyRanges(sample: sample, count: 10)
        let all = (0..<ranges.count).map { ranges.range($0) }
        #expect(all.contains(500..<501))
        #expect(all.first?.lowerBound == 0)
        #expect(all.last?.upperBound == .max)
        let keys: [UInt64] = [0, 499, 500, 501, 999, 1 << 59]
        for (key, place) in zip(keys, ranges.ranges(of: keys)) { #expect(ranges.range(Int(place)).contains(key)) }
        #expect(KeyRanges(sample: [], count: 5).ranges(of: [0, 7]) == [0, 0])
    }

    @Test func rowsAreGroupedInTheirOrder() {
        let (rows, starts) = RowOrder.grouped([2, 0, 2, 0, 3], count: 4)
        #expect(rows == [1, 3, 0, 2, 4])
        #expect(starts == [0, 2, 2, 4, 5])
    }
}
