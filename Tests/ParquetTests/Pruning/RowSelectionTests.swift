import Base
import Parquet
import Testing

@testable import Parquet

@Suite struct RowSelectionTests {
    private func random(_ random: SeededRandomSource) -> (RowSelection, Set<Int64>) {
        var selection = RowSelection()
        var rows: Set<Int64> = []
        var start: Int64 = 0
        for _ in 0..<random.integer(below: 6) {
            start += Int64(random.integer(below: 5))
            let end = start + Int64(random.integer(below: 5))
            selection.append(start..<end)
            rows.formUnion(start..<end)
            start = end
        }
        return (selection, rows)
    }

    private func rows(_ selection: RowSelection) -> Set<Int64> { Set(selection.ranges.flatMap { Array($0) }) }

    @Test func behavesAsASetOfRows() {
        let source = SeededRandomSource(seed: 3)
        for _ in 0..<300 {
            let (a, left) = random(source)
            let (b, right) = random(source)
            #expect(rows(a.intersection(b)) == left.intersection(right))
            #expect(rows(a.union(b)) == left.union(right))
            #expect(a.count == Int64(left.count))
            for selection in [a.intersection(b), a.union(b)] {
                let touching = zip(selection.ranges, selection.ranges.dropFirst()).contains { $0.upperBound >= $1.lowerBound }
                #expect(!touching && !selection.ranges.contains { $0.isEmpty })
            }
        }
    }
}
