import Base
import Columnar
import ObjectStore
import Testing

@testable import DeltaEngine

/// A read by a condition opens the files whose statistics let a row of them match, and no others.
@Suite struct FileSkippingTests {
    @Test(arguments: [
        ("id >= 20", 1, 10), ("id BETWEEN 5 AND 12", 2, 8), ("id < 0", 0, 0), ("id = 3 OR id = 27", 2, 2), ("id IS NULL", 0, 0), ("id % 10 = 1", 3, 3),
        ("p = 'p1'", 3, 10), ("p = 'q'", 0, 0), ("text LIKE 'row 1%' AND id > 19", 0, 0),
    ])
    func onlyFilesThatMayMatchAreOpened(condition: String, files: Int, rows: Int) async throws {
        let data = try await DataFixture()
        for batch in 0..<3 { try await data.append((batch * 10)..<(batch * 10 + 10)) }
        let store = RecordingStore(data.store)
        let table = data.table(through: store)
        let reader = try TableReader(table: table, snapshot: try await table.snapshot(), options: ReadOptions(columns: ["id"], condition: condition))
        var count = 0
        while let batch = try await reader.next() { count += batch.rowCount }
        #expect(count == rows)
        #expect(Set(store.takeRequests().filter { $0.hasSuffix(".parquet") }).count == files)
    }
}
