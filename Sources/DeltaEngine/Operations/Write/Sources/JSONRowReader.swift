import Base
import Columnar

/// Why a line is no row of the table.
struct RowError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    init(column: String, wanted: DataType, found: String) {
        description = "column \(column) is of type \(wanted) and the value is \(found)"
    }
}

/// Reads JSON objects into columns, with the types that the columns have: nothing is guessed, nothing converted that could lose something.
final class JSONRowReader {
    private let fields: [Field]
    private let builders: [ColumnBuilder]
    private let positions: [String: Int]
    /// The fields' names as bytes, for comparing keys without making strings.
    private let names: [[UInt8]]
    /// In which row a column was last given, to find what is missing and what is given twice.
    private var lastRow: [Int]
    private var row = 0

    init(fields: [Field]) {
        self.fields = fields
        builders = fields.map { ColumnBuilder(type: $0.type) }
        positions = Dictionary(fields.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        names = fields.map { Array($0.name.utf8) }
        lastRow = Array(repeating: -1, count: fields.count)
    }

    /// The columns read since the last call.
    func finish() -> [Column] { builders.map { $0.finish() } }

    /// Reads one line; false for a blank one. After an error the builders must not be used any more.
    func read(line: Bytes) throws(RowError) -> Bool {
        try line.withUnsafeBytes { buffer throws(RowError) in
            var scanner = JSONScanner(padded: buffer)
            guard scanner.peek() != nil else { return false }
            do {
                try readRow(&scanner)
            } catch let error as RowError {
                throw error
            } catch let error as JSONError {
                throw RowError("it is not a JSON object: \(error)")
            } catch {
                throw RowError("\(error)")
            }
            return true
        }
    }

    private func readRow(_ scanner: inout JSONScanner) throws {
        try scanner.beginObject()
        // Rows of one file have their members in one order nearly always: look first where the last one was followed.
        var expected = 0
        while let key = try scanner.nextKey() {
            let position = try position(of: key, in: scanner, expected: expected)
            expected = position + 1
            guard lastRow[position] != row else { throw RowError("column \(fields[position].name) is given twice") }
            lastRow[position] = row
            if try scanner.takeNull() {
                try appendNull(position)
            } else {
                try JSONValueReader.append(&scanner, to: builders[position], field: fields[position], path: fields[position].name)
            }
        }
        try scanner.expectEnd()
        for position in fields.indices where lastRow[position] != row { try appendNull(position) }
        row += 1
    }

    private func appendNull(_ position: Int) throws(RowError) {
        guard fields[position].nullable else { throw RowError("column \(fields[position].name) must have a value and has none") }
        builders[position].appendNull()
    }

    private func position(of key: JSONText, in scanner: JSONScanner, expected: Int) throws -> Int {
        if expected < names.count, !key.hasEscapes, scanner.bytes(of: key).elementsEqual(names[expected]) { return expected }
        let name = try scanner.string(of: key)
        guard let position = positions[name] else {
            throw RowError("column \(name) is not in the table, which has \(fields.map(\.name).joined(separator: ", "))")
        }
        return position
    }
}
