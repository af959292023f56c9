import Base
import Columnar
import Testing

@Suite struct RowHashTests {
    private static func batch(_ type: DataType, _ values: [Scalar?]) throws -> ColumnBatch {
        let builder = ColumnBuilder(type: type)
        for value in values { if let value { try builder.append(value) } else { builder.appendNull() } }
        return try ColumnBatch(schema: Schema([Field("c", type)]), columns: [builder.finish()], rowCount: values.count)
    }

    @Test(arguments: ColumnBuilderTests.samples)
    func valuesCountAndPlacesDoNot(type: DataType, values: [Scalar?]) throws {
        let hashes = try Self.batch(type, values).rowHashes
        let backwards = try Self.batch(type, values.reversed()).rowHashes
        #expect(hashes == backwards.reversed())
        for left in values.indices {
            for right in values.indices { #expect((hashes[left] == hashes[right]) == (values[left] == values[right]), "rows \(left) and \(right) of \(type)") }
        }
        if values.count > 2 { #expect(try Self.batch(type, Array(values[1...])).rowHashes == Array(hashes[1...])) }
    }

    @Test func slicesKeepTheirHashes() throws {
        for (type, values) in ColumnBuilderTests.samples where values.count > 2 {
            let batch = try Self.batch(type, values)
            #expect(batch.slice(1..<values.count).rowHashes == Array(batch.rowHashes[1...]))
        }
    }

    /// What concatenates to the same bytes is not the same: texts in two columns, elements of two lists, a null and an empty text.
    @Test func bordersCount() throws {
        func row(_ left: String, _ right: String) throws -> UInt64? {
            let columns = try [left, right].map { text in
                let builder = ColumnBuilder(type: .string)
                try builder.append(.string(text))
                return builder.finish()
            }
            return try ColumnBatch(schema: Schema([Field("a", .string), Field("b", .string)]), columns: columns, rowCount: 1).rowHashes.first
        }
        #expect(try row("ab", "c") != row("a", "bc"))
        #expect(try row("ab", "c") != row("c", "ab"))
        #expect(try row("", "\u{0}") != row("\u{0}", ""))
        let lists = try Self.batch(
            .list(element: Field("element", .list(element: Field("element", .long)))),
            [
                .list([.list([.integer(1)]), .list([.integer(2)])]), .list([.list([.integer(1), .integer(2)]), .list([])]), .list([nil]), .list([.list([])]),
                nil,
            ])
        #expect(Set(lists.rowHashes).count == 5)
    }
}
