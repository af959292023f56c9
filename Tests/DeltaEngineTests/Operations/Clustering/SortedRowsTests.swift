import Base
import Columnar
import TestSupport
import Testing

@testable import DeltaEngine

/// Rows that were put aside come back in the order of their keys, whatever the keys are like.
@Suite struct SortedRowsTests {
    private static let fields = [Field("id", .long), Field("t", .string)]

    enum Keys: CaseIterable {
        case different, few, mostlyOne, one

        func next(_ random: SeededRandomSource) -> UInt64 {
            switch self {
            case .different: random.next() >> 1
            case .few: UInt64(random.integer(below: 3)) << 20
            case .mostlyOne: random.integer(below: 50) == 0 ? random.next() >> 1 : 77
            case .one: 0
            }
        }
    }

    private func column(_ type: DataType, _ values: [Scalar?]) throws -> Column {
        let builder = ColumnBuilder(type: type, capacity: values.count)
        for value in values { try builder.append(value) }
        return builder.finish()
    }

    /// All rows lie in a single range, many times too large: it is put aside once more.
    @Test(arguments: Keys.allCases, [true, false])
    func aRangeThatIsTooLargeIsDistributed(kind: Keys, inFile: Bool) async throws {
        let random = SeededRandomSource(seed: 11)
        let directory = try TemporaryDirectory()
        let runs = RowRuns(
            fields: Self.fields, positions: RowPositions([], .zorder, sample: []), ranges: KeyRanges(starts: []),
            file: inFile ? try SpillFile(directory: directory.path, threads: 2) : SpillFile())
        var written: [RowRuns.Run] = []
        var expected: [(key: UInt64, id: Int64)] = []
        for _ in 0..<40 {
            let keys = (0..<500).map { _ in kind.next(random) }
            let ids = keys.indices.map { Int64(expected.count + $0) }
            expected += zip(keys, ids).map { ($0, $1) }
            let columns = [
                try column(.long, keys.map { .integer(Int64(bitPattern: $0)) }), try column(.long, ids.map { .integer($0) }),
                try column(.string, ids.map { $0 % 7 == 0 ? nil : .string("row \($0)") }),
            ]
            written.append(try await runs.makeRun([columns]))
        }
        let sorted = SortedRows(runs, written, targetBytes: 16 << 10, parallelism: 2)
        var ids: [Int64] = []
        var largest = 0
        while let batch = try await sorted.next() {
            let columns = try await SortedRows.read(batch)
            largest = max(largest, columns.reduce(0) { $0 + $1.sizeInBytes })
            for row in 0..<columns[0].count {
                guard case let .integer(id)? = columns[0].value(at: row) else { continue }
                #expect(columns[1].value(at: row) == (id % 7 == 0 ? nil : .string("row \(id)")))
                ids.append(id)
            }
        }
        #expect(ids.sorted() == expected.map(\.id))
        for (left, right) in zip(ids, ids.dropFirst()) { #expect(expected[Int(left)].key <= expected[Int(right)].key) }
        #expect(largest < 64 << 10)
    }
}
