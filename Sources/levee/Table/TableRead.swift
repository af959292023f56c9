import Base
import Columnar
import DeltaEngine
import ObjectStore

/// `levee table read`.
enum TableRead {
    private enum Format: String, CaseIterable { case table, json, csv, parquet }

    private static let columns = Option.names("columns", "A,B", "only these columns, in this order")
    private static let condition = Option.text("where", "EXPR", "only rows for which this holds (Spark SQL)")
    private static let limit = Option.integer("limit", "N", atLeast: 0, "at most this many rows")
    private static let format = Option<Format>.choice("format", "how to print rows (default table; with -o json: json, one object on each line)")
    private static let to = Option.text("to", "FILE", "write to a file instead of standard output")

    /// The text table holds as many rows in memory as it prints; more than this is nothing to look at.
    private static let tableLimit: Int64 = 10_000

    static let command = Command(
        name: "read", summary: "print rows of the table", positionals: [TableAccess.location],
        options: [columns, condition, limit, format, to] + VersionChoice.options + TableAccess.options,
        examples: ["levee table read /data/orders --columns order_id,amount --where \"amount > 100\" --limit 10"]
    ) { arguments, console in
        let table = try TableAccess.table(arguments)
        let snapshot = try await VersionChoice.snapshot(of: table, arguments)
        let chosen = arguments[format] ?? (console.format == .json ? .json : .table)
        var options = ReadOptions(columns: arguments[columns], condition: arguments[condition], limit: arguments[limit])
        if chosen == .table { options.limit = min(options.limit ?? .max, tableLimit) }
        let reader = try TableReader(table: table, snapshot: snapshot, options: options)
        switch chosen {
        case .table: try await printTable(reader, isCapped: arguments[limit].map { $0 > tableLimit } ?? true, console)
        case .json: try await copy(reader, JSONLinesFormat(), arguments, console)
        case .csv: try await copy(reader, CSVFormat(), arguments, console)
        case .parquet:
            guard let path = arguments[to] else { throw DeltaError.invalidRequest(reason: "--format parquet needs --to FILE") }
            let file = try TableAccess.file(path)
            try await ParquetExport(reader: reader).run(into: file.store, file.path)
        }
    }

    private static func printTable(_ reader: TableReader, isCapped: Bool, _ console: Console) async throws {
        var batches: [ColumnBatch] = []
        while let batch = try await reader.next() { batches.append(batch) }
        let rows = batches.reduce(0) { $0 + $1.rowCount }
        let merged = try ColumnBatch(
            schema: reader.schema,
            columns: reader.schema.fields.indices.map { index in
                try Column.concatenate(batches.map { $0.columns[index] }, type: reader.schema.fields[index].type)
            }, rowCount: rows)
        try console.print(RowTable(width: console.width).render(merged))
        if isCapped, rows == tableLimit { Console.note("only the first \(tableLimit) rows are shown; --format csv or json prints all") }
    }

    /// Streams: memory does not grow with the rows.
    private static func copy(_ reader: TableReader, _ format: some RowFormat, _ arguments: Arguments, _ console: Console) async throws {
        guard let path = arguments[to] else {
            try StandardOutput.write(format.header(reader.schema))
            while let batch = try await reader.next() { try StandardOutput.write(format.rows(batch)) }
            return
        }
        let file = try TableAccess.file(path)
        let writer = try await file.store.write(file.path)
        do {
            try await writer.write(format.header(reader.schema))
            while let batch = try await reader.next() { try await writer.write(format.rows(batch)) }
            try await writer.finish()
        } catch {
            await writer.abort()
            throw error
        }
    }
}
