import Base
import Columnar
import ObjectStore
import Parquet

/// `levee parquet pages`.
enum ParquetPages {
    private static let columns = Option.names("columns", "A,B", "only these top-level columns")

    static let command = Command(
        name: "pages", summary: "list the pages of a file's column chunks", positionals: [ParquetCommands.file], options: [columns],
        examples: ["levee parquet pages part-00000.snappy.parquet --columns order_id"]
    ) { arguments, console in
        let place = try TableAccess.file(arguments[ParquetCommands.file])
        let wanted = arguments[columns].map(Set.init)
        let file = try await ParquetFile.open(place.store, place.path, columns: wanted)
        if let missing = wanted?.first(where: { file.schema[$0] == nil }) { throw ParquetError.noSuchColumn(file: place.path.string, column: missing) }
        var table = TextTable([
            .init("GROUP", .right), .init("COLUMN"), .init("KIND"), .init("ENCODING"), .init("CODEC"), .init("VALUES", .right), .init("OFFSET", .right),
            .init("SIZE", .right), .init("UNCOMPRESSED", .right),
        ])
        var pages: [JSONValue] = []
        for group in file.metadata.rowGroups.indices {
            for column in file.schema.fields.indices {
                for chunk in try await file.columnPages(rowGroup: group, column: column) {
                    for page in chunk.pages {
                        switch console.format {
                        case .json: pages.append(json(page, chunk, group))
                        case .text:
                            table.add([
                                String(group), chunk.leaf.name, kind(page), page.encoding.description, chunk.metadata.codec.description,
                                String(page.entryCount), String(page.offset), String(page.bytes.count), String(page.uncompressedSize),
                            ])
                        }
                    }
                }
            }
        }
        switch console.format {
        case .json: try console.print(JSON.encode(.array(pages)) + "\n")
        case .text: try console.print(table)
        }
    }

    private static func kind(_ page: RawPage) -> String {
        switch page.kind {
        case .dictionary: "dictionary"
        case .data(.v1): "data"
        case .data(.v2): "data v2"
        }
    }

    private static func json(_ page: RawPage, _ chunk: ColumnPages, _ group: Int) -> JSONValue {
        [
            "rowGroup": .integer(Int64(group)), "column": .string(chunk.leaf.name), "kind": .string(kind(page)),
            "encoding": .string(page.encoding.description), "codec": .string(chunk.metadata.codec.description), "values": .integer(Int64(page.entryCount)),
            "offset": .integer(page.offset), "size": .integer(Int64(page.bytes.count)), "uncompressedSize": .integer(Int64(page.uncompressedSize)),
            "checksum": page.checksum.map { .integer(Int64($0)) } ?? .null,
        ]
    }
}
