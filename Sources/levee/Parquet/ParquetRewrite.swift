import Base
import Columnar
import ObjectStore
import Parquet

/// `levee parquet rewrite`.
enum ParquetRewrite {
    private enum Codec: String, CaseIterable { case none, snappy, zstd, gzip }
    private enum Copy: String, CaseIterable { case rowgroups, pages }

    private static let to = Option.text("to", "FILE", "the new file")
    private static let append = Option.text("append", "FILE", repeatable: true, "another file of the same schema whose rows follow (repeatable)")
    private static let copy = Option<Copy>.choice("copy", "copy instead of decoding: row groups as they are, or pages into one row group")
    private static let codec = Option<Codec>.choice("codec", "how pages are compressed (default zstd)")
    private static let rowGroupRows = Option.integer("row-group-rows", "N", atLeast: 1, "the most rows of a row group (default 1048576)")
    private static let rowGroupSize = Option.byteCount("row-group-size", "the most bytes of a row group before compression (default 128Mi)")
    private static let pageRows = Option.integer("page-rows", "N", atLeast: 1, "the most rows of a page (default 65536)")
    private static let pageSize = Option.byteCount("page-size", "the most bytes of a page before compression (default 1Mi)")
    private static let pageVersion = Option.integer("page-version", "1|2", atLeast: 1, "the layout of data pages (default 1)")
    private static let dictionarySize = Option.integer("dictionary-size", "BYTES", atLeast: 0, "the most bytes of a dictionary, 0 for none (default 1048576)")
    private static let deltas = Option.flag("deltas", "use the DELTA encodings where they make a column smaller (Spark reads them from 3.3 on)")
    private static let byteStreamSplit = Option.flag("byte-stream-split", "use BYTE_STREAM_SPLIT where it makes a column smaller (Spark may not read it)")
    private static let checksums = Option.flag("checksums", "write a CRC with each page")
    private static let boundLength = Option.integer("bound-length", "BYTES", atLeast: 1, "cut bounds of text and binary to this length (default 64)")
    private static let noPageIndex = Option.flag("no-page-index", "leave out the column and offset index")
    private static let bloomFilters = Option.names("bloom-filters", "A,B.C", "leaf columns (dotted paths) that get a bloom filter")
    private static let sortedBy = Option.names("sorted-by", "A,B.C", "leaf columns that the rows are sorted by, for the footer; not checked")

    static let command = Command(
        name: "rewrite", summary: "write a file's rows again, with other encodings, codec or sizes",
        discussion: """
            Reads every type that Levee reads and writes it in today's form (INT96 becomes TIMESTAMP, two-level lists three-level ones). With --copy, \
            columns that have that form already are copied without decoding them, and the sizes and encodings of their pages stay as they are.
            """,
        positionals: [ParquetCommands.file],
        options: [
            to, append, copy, codec, rowGroupRows, rowGroupSize, pageRows, pageSize, pageVersion, dictionarySize, deltas, byteStreamSplit, checksums,
            boundLength, noPageIndex, bloomFilters, sortedBy,
        ],
        examples: ["levee parquet rewrite a.parquet --append b.parquet --copy pages --to ab.parquet"]
    ) { arguments, console in
        guard let target = arguments[to] else { throw UsageError(command: "levee parquet rewrite", message: "--to is missing") }
        var files: [ParquetFile] = []
        for path in [arguments[ParquetCommands.file]] + arguments.all(append) {
            let place = try TableAccess.file(path)
            files.append(try await ParquetFile.open(place.store, place.path))
        }
        try checkCalendars(files)
        let place = try TableAccess.file(target)
        let options = try options(arguments, files[0])
        let writer = try ParquetWriter(writer: try await place.store.write(place.path), schema: files[0].schema, options: options)
        let written: WrittenFile
        do {
            switch arguments[copy] {
            case nil: for file in files { try await rewrite(file, writer) }
            case .rowgroups: for file in files { try await copyRowGroups(file, writer) }
            case .pages: try await copyPages(files, writer)
            }
            written = try await writer.finish()
        } catch {
            await writer.abort()
            throw error
        }
        switch console.format {
        case .json:
            let value: JSONValue = [
                "rows": .integer(written.rowCount), "rowGroups": .integer(Int64(written.rowGroupCount)), "size": .integer(written.sizeInBytes),
            ]
            try console.print(JSON.encode(value) + "\n")
        case .text:
            try console.print("Wrote \(written.rowCount) rows in \(written.rowGroupCount) row group(s), \(written.sizeInBytes.formattedBytes).\n")
        }
    }

    /// What Spark says of dates and times in old calendars holds for a whole file, so files that differ in it cannot become one.
    private static func checkCalendars(_ files: [ParquetFile]) throws {
        for key in ["legacyDateTime", "legacyINT96", "timeZone"].map({ "org.apache.spark.\($0)" }) {
            for file in files where file.metadata.value(forKey: key) != files[0].metadata.value(forKey: key) {
                throw ParquetError.cannotWrite(column: "*", reason: "\(file.path) and \(files[0].path) differ in \(key); rewrite them apart from each other")
            }
        }
    }

    private static func options(_ arguments: Arguments, _ first: ParquetFile) throws -> WriterOptions {
        let version = arguments[pageVersion] ?? 1
        guard version <= 2 else { throw UsageError(command: "levee parquet rewrite", message: "--page-version \(version): it must be 1 or 2") }
        let compression: Compression =
            switch arguments[codec] ?? .zstd {
            case .none: .uncompressed
            case .snappy: .snappy
            case .zstd: .zstd()
            case .gzip: .gzip()
            }
        var encodings: OptionalEncodings = []
        if arguments[deltas] { encodings.insert(.deltas) }
        if arguments[byteStreamSplit] { encodings.insert(.byteStreamSplit) }
        func number(_ option: Option<Int64>, _ standard: Int) -> Int { arguments[option].map { Int(clamping: $0) } ?? standard }
        let standard = WriterOptions()
        return WriterOptions(
            compression: compression, rowGroupRows: number(rowGroupRows, standard.rowGroupRows), rowGroupBytes: number(rowGroupSize, standard.rowGroupBytes),
            pageBytes: number(pageSize, standard.pageBytes), pageRows: number(pageRows, standard.pageRows), pageVersion: version == 2 ? .v2 : .v1,
            dictionaryBytes: number(dictionarySize, standard.dictionaryBytes), encodings: encodings,
            statisticsBytes: number(boundLength, standard.statisticsBytes), writesPageIndex: !arguments[noPageIndex],
            writesChecksums: arguments[checksums],
            bloomFilters: Dictionary((arguments[bloomFilters] ?? []).map { ($0, BloomFilterOptions()) }, uniquingKeysWith: { first, _ in first }),
            sortingColumns: (arguments[sortedBy] ?? []).map { SortingColumn(column: $0) }, concurrency: AvailableResources.current().cpuCount,
            createdBy: "levee version \(Levee.version) (build unknown)",
            // Arrow's own schema tells of types that decoded columns no longer have.
            keyValues: first.metadata.keyValues.filter { $0.key != "ARROW:schema" || arguments[copy] == .rowgroups })
    }

    private static let batchRows = 65_536

    private static func rewrite(_ file: ParquetFile, _ writer: ParquetWriter) async throws {
        for group in file.metadata.rowGroups.indices {
            var readers: [ColumnChunkReader] = []
            for column in file.schema.fields.indices { readers.append(try await file.columnReader(rowGroup: group, column: column)) }
            while true {
                try Task.checkCancellation()
                var columns: [Column] = []
                for reader in readers {
                    guard let column = try rows(of: reader) else { break }
                    columns.append(column)
                }
                guard columns.count == readers.count, let count = columns.first?.count else { break }
                try await writer.write(try ColumnBatch(schema: file.schema, columns: columns, rowCount: count))
            }
        }
    }

    /// The next rows, as many as there are up to a batch: readers may stop earlier, each at another place.
    private static func rows(of reader: ColumnChunkReader) throws -> Column? {
        var parts: [Column] = []
        var count = 0
        while count < batchRows, let part = try reader.next(maxRows: batchRows - count) {
            parts.append(part)
            count += part.count
        }
        return parts.isEmpty ? nil : try Column.concatenate(parts, type: reader.field.type)
    }

    private static func copyRowGroups(_ file: ParquetFile, _ writer: ParquetWriter) async throws {
        for group in file.metadata.rowGroups.indices { try await writer.appendRowGroup(copying: file, rowGroup: group) }
    }

    /// All row groups of all files into one. Columns whose pages cannot be taken over are decoded and encoded.
    private static func copyPages(_ files: [ParquetFile], _ writer: ParquetWriter) async throws {
        let rows = files.reduce(0) { $0 + $1.metadata.rowCount }
        guard let rowCount = Int(exactly: rows), rowCount > 0 else { return }
        let group = writer.beginRowGroup(rowCount: rowCount)
        let (copiers, encoders) = (writer.makeCopiers(), writer.makeEncoders())
        for column in copiers.indices {
            let canCopy = files.allSatisfy { copiers[column].accepts($0, column: column) }
            for file in files {
                for source in file.metadata.rowGroups.indices {
                    try Task.checkCancellation()
                    if canCopy {
                        try copiers[column].append(try await file.columnPages(rowGroup: source, column: column))
                    } else {
                        let reader = try await file.columnReader(rowGroup: source, column: column)
                        while let part = try reader.next(maxRows: batchRows) { try encoders[column].append(part) }
                    }
                }
            }
            try await group.append(canCopy ? try copiers[column].finish() : try encoders[column].finish())
        }
        try await group.finish()
    }
}
