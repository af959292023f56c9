import Base
import Columnar
import ObjectStore

/// Rows as JSON objects, one on each line (JSON Lines). Blank lines are skipped; a column that a row does not mention is null in it.
public final class JSONLinesSource: RowSource, @unchecked Sendable {
    // Safe to share: `RowSource` has one caller at a time.
    private let store: any ObjectStore
    private let path: ObjectPath
    private let schema: Schema
    private let reader: JSONRowReader
    private var lines: LineReader?
    /// Lines read so far, for messages.
    private var lineNumber = 0

    public init(store: any ObjectStore, path: ObjectPath, schema: Schema) {
        self.store = store
        self.path = path
        self.schema = schema
        reader = JSONRowReader(fields: schema.fields)
    }

    public func next() async throws -> ColumnBatch? {
        let lines = try await openLines()
        while let bytes = try await lines.next() {
            let rows = try read(bytes)
            if rows > 0 { return try ColumnBatch(schema: schema, columns: reader.finish(), rowCount: rows) }
        }
        return nil
    }

    private func openLines() async throws -> LineReader {
        if let lines { return lines }
        let opened = try await LineReader(store: store, path: path)
        lines = opened
        return opened
    }

    /// Reads whole lines into the builders; returns how many rows they were.
    private func read(_ bytes: Bytes) throws(DeltaError) -> Int {
        var rows = 0
        var rest = bytes
        while !rest.isEmpty {
            lineNumber += 1
            let length = rest.withUnsafeBytes { buffer in buffer.firstIndex(of: UInt8(ascii: "\n")) } ?? rest.count
            do {
                if try reader.read(line: rest.prefix(length)) { rows += 1 }
            } catch {
                throw .invalidData(source: "\(path), line \(lineNumber)", reason: error.description)
            }
            rest = rest.dropFirst(length + 1)
        }
        return rows
    }
}
