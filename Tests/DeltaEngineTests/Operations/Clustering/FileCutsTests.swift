import Base
import Testing

@testable import DeltaEngine

@Suite struct FileCutsTests {
    /// The files of `rows` rows that take `bytesPerRow` each, one after the other.
    private static func files(_ cuts: FileCuts, rows: Int64, bytesPerRow: (_ done: Int64) -> Double) -> [Int64] {
        var files: [Int64] = []
        var done: Int64 = 0
        while done < rows {
            let next = cuts.rows(done: done, left: rows - done, bytesPerRow: bytesPerRow(done))
            #expect(next > 0 && done + next <= rows)
            if next <= 0 { break }
            files.append(next)
            done += next
        }
        return files
    }

    /// As many cells as rows of one byte need, all of about the same size.
    private static func cells(_ rows: Int64, target: Int64) -> [Int64] {
        let count = FileCuts.count(Double(rows), targetFileSize: target, columns: 2) * 2
        return (1...count).map { FileCuts.part($0, of: count, rows) }
    }

    @Test(
        arguments: [
            (1, 0, 1), (1, 125, 1), (1, 126, 2), (1, 700, 6), (2, 0, 1), (2, 125, 1), (2, 126, 2), (2, 251, 4), (2, 700, 8), (3, 1001, 16), (2, 4000, 32),
        ] as [(columns: Int, bytes: Int64, files: Int)])
    func soManyBytesBecomeSoManyFiles(columns: Int, bytes: Int64, files: Int) {
        let sizes = FileCuts.sizes(bytes, targetFileSize: 100, columns: columns)
        #expect(sizes.count == files)
        #expect(sizes.reduce(0, +) == bytes)
    }

    @Test(arguments: [1, 2])
    func filesAreNeitherTooSmallNorTooLarge(columns: Int) {
        for rows in stride(from: Int64(1300), to: 40_000, by: 97) {
            let cuts = FileCuts(targetFileSize: 1000, cellEnds: columns == 1 ? [] : Self.cells(rows, target: 1000))
            let files = Self.files(cuts, rows: rows) { _ in 1 }
            #expect(files.allSatisfy { (620...1250).contains($0) }, "\(rows) rows: \(files)")
        }
    }

    /// Rows turn out to take more or less: what is left is cut anew, where cells end as long as there are enough of them.
    @Test(arguments: [0.3, 0.6, 1.4, 3.0])
    func filesEndWhereCellsDo(factor: Double) {
        let rows: Int64 = 64_000
        let ends = Self.cells(rows, target: 1000)
        let files = Self.files(FileCuts(targetFileSize: 1000, cellEnds: ends), rows: rows) { $0 < 10_000 ? 1 : factor }
        var end: Int64 = 0
        for file in files {
            end += file
            #expect(ends.contains(end) || factor == 3, "\(files)")
            #expect(Double(file) * (end > 10_000 ? factor : 1) <= 1250 || end <= 10_000, "\(files)")
        }
        #expect(end == rows)
    }

    @Test func emptyCellsAreNoFiles() {
        #expect(Self.files(FileCuts(targetFileSize: 10, cellEnds: [0, 0, 40, 40, 40, 41, 80, 80]), rows: 80) { _ in 1 } == [40, 1, 39])
    }

    @Test func extremesAreCutToo() {
        for ends in [[], [1, 2, 2, 3]] as [[Int64]] {
            let cuts = FileCuts(targetFileSize: 1, cellEnds: ends)
            #expect(Self.files(cuts, rows: 3) { _ in 1000 } == [1, 1, 1])
            #expect(cuts.rows(done: 0, left: .max / 2, bytesPerRow: .infinity) > 0)
            #expect(FileCuts(targetFileSize: 0, cellEnds: ends).rows(done: 5, left: 1, bytesPerRow: 1) == 1)
        }
    }

    // MARK: Cells

    private static func ends(_ keys: [UInt64], sample: [UInt64], files: Int64) -> [Int64] {
        let cells = CurveCells(sample: sample.sorted(), files: files)
        let ranges = KeyRanges(sample: sample, count: 5, others: cells.starts.compactMap { $0 })
        var rows = [Int](repeating: 0, count: ranges.count)
        for range in ranges.ranges(of: keys) { rows[Int(range)] += 1 }
        return cells.ends(rows, of: ranges)
    }

    /// What the cuts are for: a lookup of one value by either column goes through half of however few files, and not more.
    @Test(arguments: SpaceFillingCurve.allCases)
    func aLookupTouchesHalfOfTheFilesAtMost(curve: SpaceFillingCurve) {
        let random = SeededRandomSource(seed: 7)
        let count = 100_000
        let curveKeys = CurveKeys(curve, columns: 2)
        // Ranks are places among the sample's values.
        let points = (0..<2).map { _ in
            RowOrder.sorted((0..<count).map { _ in random.next() }).map { UInt16(Int($0) * (curveKeys.highestRank + 1) / count) }
        }
        var ranks = points
        let keys = curveKeys.keys(&ranks, count: count)
        let order = RowOrder.sorted(keys)
        for target in [Int64(30_000), 13_000, 6_000] {
            let planned = FileCuts.count(Double(count), targetFileSize: target, columns: 2)
            let ends = Self.ends(keys, sample: keys, files: planned)
            let files = Self.files(FileCuts(targetFileSize: target, cellEnds: ends), rows: Int64(count)) { _ in 1 }
            #expect(files.count == Int(planned))
            #expect(files.allSatisfy { Double($0) > Double(target) * 0.5 && Double($0) < Double(target) * 1.5 }, "\(files), target \(target)")
            for column in 0..<2 {
                var touched = 0.0
                var start = 0
                for file in files {
                    let values = order[start..<(start + Int(file))].map { points[column][Int($0)] }
                    start += Int(file)
                    touched += Double((values.max() ?? 0) - (values.min() ?? 0)) / Double(curveKeys.highestRank)
                }
                #expect(touched <= Double(files.count) / 2, "\(files.count) files, column \(column): \(touched)")
            }
        }
    }

    @Test func cellsOfRowsThatGoTogether() {
        let random = SeededRandomSource(seed: 9)
        let keys = (0..<5000).map { _ in UInt64(random.integer(below: 100)) * UInt64(random.integer(below: 1 << 30)) }
        let ends = Self.ends(keys, sample: keys, files: 8)
        #expect(ends.count == 16 && ends.last == 5000 && ends == ends.sorted())
        for (index, end) in ends.enumerated() { #expect(abs(end - Int64((index + 1) * 5000 / 16)) <= 5000 / 16 / 6 + 1, "\(ends)") }
    }

    @Test func oneKeyHasNoCells() {
        #expect(Self.ends(Array(repeating: 7, count: 100), sample: Array(repeating: 7, count: 10), files: 2) == [25, 50, 75, 100])
        #expect(Self.ends([], sample: [], files: 1) == [0, 0])
    }
}
