import Base
import Columnar
import DeltaEngine
import ObjectStore

/// How the commands that print rows do it, and which rows they are asked for.
struct RowOutput {
    private enum Format: String, CaseIterable { case table, json, csv, parquet }

    private static let columns = Option.names("columns", "A,B", "only these columns, in this order")
    private static let condition = Option.text("where", "EXPR", "only rows for which this holds (Spark SQL)")
    private static let limit = Option.integer("limit", "N", atLeast: 0, "at most this many rows")
    private static let format = Option<Format>.choice("format", "how to print rows (default table; with -o json: json, one object on each line)")
    static var options: [any AnyOption] { [columns, condition, limit, format] }

    /// The text table holds as many rows in memory as it prints; more than this is nothing to look at.
    private static let tableLimit: Int64 = 10_000

    let readOptions: ReadOptions
    private let format: Format
    /// Whether a text table may have more rows than were asked for.
    private let isCapped: Bool
    private let file: String?
    private let fileOption: String
    private let console: Console

    /// - Parameter file: the option that names a file to write to.
    init(_ arguments: Arguments, to file: Option<String>, _ console: Console) {
        format = arguments[Self.format] ?? (console.format == .json ? .json : .table)
        var options = ReadOptions(columns: arguments[Self.columns], condition: arguments[Self.condition], limit: arguments[Self.limit])
        isCapped = options.limit.map { $0 > Self.tableLimit } ?? true
        if format == .table { options.limit = min(options.limit ?? .max, Self.tableLimit) }
        readOptions = options
        self.file = arguments[file]
        fileOption = file.name
        self.console = console
    }

    func print(_ reader: some RowReader) async throws {
        switch format {
        case .table: try await printTable(reader)
        case .json: try await copy(reader, JSONLinesFormat())
        case .csv: try await copy(reader, CSVFormat())
        case .parquet:
            guard let file else { throw DeltaError.invalidRequest(reason: "--format parquet needs --\(fileOption) FILE") }
            let place = try TableAccess.file(file)
            try await ParquetExport(reader: reader).run(into: place.store, place.path)
        }
    }

    private func printTable(_ reader: some RowReader) async throws {
        var batches: [ColumnBatch] = []
        while let batch = try await reader.next() { batches.append(batch) }
        let rows = batches.reduce(0) { $0 + $1.rowCount }
        let merged = try ColumnBatch(
            schema: reader.schema,
            columns: reader.schema.fields.indices.map { index in
                try Column.concatenate(batches.map { $0.columns[index] }, type: reader.schema.fields[index].type)
            }, rowCount: rows)
        try console.print(RowTable(width: console.width).render(merged))
        if isCapped, rows == Self.tableLimit { Console.note("only the first \(rows) rows are shown; --format csv or json prints all") }
    }

    /// Streams: memory does not grow with the rows.
    private func copy(_ reader: some RowReader, _ format: some RowFormat) async throws {
        guard let file else {
            try StandardOutput.write(format.header(reader.schema))
            while let batch = try await reader.next() { try StandardOutput.write(format.rows(batch)) }
            return
        }
        let place = try TableAccess.file(file)
        let writer = try await place.store.write(place.path)
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
