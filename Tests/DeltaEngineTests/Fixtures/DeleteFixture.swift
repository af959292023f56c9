import Base
import Columnar
import Expressions
import ObjectStore
import Parquet
import TestSupport
import Testing

@testable import DeltaEngine

/// A table of all kinds of columns with any mix of the features that a DELETE has to do with, and random rows and conditions for it.
struct DeleteFixture {
    struct Features: Sendable, CustomStringConvertible {
        var vectors = false
        var feed = false
        var tracking = false
        var times = false
        var partitioned = false
        /// `none`, `name` or `id`.
        var mapping = "none"

        var description: String {
            let on = [(vectors, "vectors"), (feed, "feed"), (tracking, "row tracking"), (times, "in-commit timestamps"), (partitioned, "partitioned")]
            return (on.filter(\.0).map(\.1) + [mapping]).joined(separator: ", ")
        }

        static let all: [Features] = [false, true].flatMap { vectors in
            [false, true].flatMap { feed in
                [false, true].flatMap { tracking in
                    [false, true].flatMap { partitioned in
                        ["none", "name", "id"].map {
                            Features(vectors: vectors, feed: feed, tracking: tracking, times: tracking != feed, partitioned: partitioned, mapping: $0)
                        }
                    }
                }
            }
        }
    }

    let features: Features
    let table: SchemaFixture

    static let rowIdName = "_row-id"

    init(_ features: Features) async throws {
        self.features = features
        var configuration: [String: String] = [:]
        if features.vectors { configuration["delta.enableDeletionVectors"] = "true" }
        if features.feed { configuration["delta.enableChangeDataFeed"] = "true" }
        if features.tracking {
            configuration["delta.enableRowTracking"] = "true"
            configuration["delta.rowTracking.materializedRowIdColumnName"] = Self.rowIdName
            configuration["delta.rowTracking.materializedRowCommitVersionColumnName"] = "_row-version"
        }
        if features.mapping != "none" {
            configuration["delta.columnMapping.mode"] = features.mapping
            configuration["delta.columnMapping.maxColumnId"] = "20"
        }
        if features.times { configuration["delta.enableInCommitTimestamps"] = "true" }
        let readers = ["deletionVectors", "columnMapping", "timestampNtz"]
        var writers = readers + ["appendOnly", "changeDataFeed", "domainMetadata"]
        if features.tracking { writers.append("rowTracking") }
        if features.times { writers.append("inCommitTimestamp") }
        let action: JSONValue = [
            "protocol": [
                "minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": .array(readers.map(JSONValue.string)),
                "writerFeatures": .array(writers.map(JSONValue.string)),
            ]
        ]
        let schema = SchemaJSON.encode(Schema(Self.fields(isMapped: features.mapping != "none")))
        if features.times {
            let log = LogFixture()
            try await log.commit(
                0,
                [
                    #"{"commitInfo":{"inCommitTimestamp":1000,"operation":"CREATE TABLE"}}"#, JSON.encode(action),
                    LogFixture.metadata(schema: schema, partitionColumns: features.partitioned ? ["p"] : [], configuration: configuration),
                ])
            table = SchemaFixture(log: log)
        } else {
            table = try await SchemaFixture(
                protocol: JSON.encode(action), schema: schema, configuration: configuration, partitionColumns: features.partitioned ? ["p"] : [])
        }
    }

    /// The table's columns; physical names and ids where columns are mapped.
    private static func fields(isMapped: Bool) -> [Field] {
        var next: Int64 = 0
        func column(_ name: String, _ type: DataType) -> Field {
            var field = Field(name, type)
            if isMapped {
                next += 1
                field.metadata["delta.columnMapping.id"] = .integer(next)
                field.metadata["delta.columnMapping.physicalName"] = .string("col-\(next)")
            }
            return field
        }
        return [
            column("id", .long), column("p", .string), column("n", .integer), column("x", .double), column("s", .string),
            column("d", .decimal(precision: 10, scale: 2)), column("day", .date), column("at", .timestamp), column("local", .timestampNTZ),
            column("flag", .boolean), column("blob", .binary), column("small", .byte), column("real", .float),
            column("tags", .list(element: Field("element", .string))), column("inner", .structure([column("a", .integer), column("b", .string)])),
            column("map", .map(key: Field("key", .string, nullable: false), value: Field("value", .long))),
        ]
    }

    /// Rows of ids from `start` on, many values of which are null.
    func append(_ count: Int, from start: Int, _ random: SeededRandomSource) async throws {
        let lines = (start..<(start + count)).map { id -> String in
            func maybe(_ text: String) -> String { random.integer(below: 4) == 0 ? "null" : text }
            func number(_ limit: Int) -> Int { random.integer(below: limit) }
            return "{"
                + [
                    #""id":\#(id)"#, #""p":\#(maybe("\"p\(number(3))\""))"#, #""n":\#(maybe("\(number(10))"))"#, #""x":\#(maybe("\(number(8)).5"))"#,
                    #""s":\#(maybe("\"\(["", "a", "ab", "b"][number(4)])\""))"#,
                    #""d":\#(maybe("\(number(5)).25"))"#, #""day":\#(maybe("\"2024-01-0\(1 + number(5))\""))"#,
                    #""at":\#(maybe("\"2024-01-01T00:00:0\(number(9)).123456Z\""))"#, #""local":\#(maybe("\"2024-01-01T00:00:0\(number(9)).5\""))"#,
                    #""flag":\#(maybe(number(2) == 0 ? "true" : "false"))"#, #""blob":\#(maybe("\"AQID\""))"#, #""small":\#(maybe("\(number(5))"))"#,
                    #""real":\#(maybe("\(number(5)).5"))"#, #""tags":\#(maybe("[\"t\(number(3))\",null]"))"#,
                    #""inner":\#(maybe("{\"a\":\(number(5)),\"b\":null}"))"#, #""map":\#(maybe("{\"k\":\(number(5))}"))"#,
                ].joined(separator: ",") + "}"
        }
        let input = InMemoryStore()
        let path = try ObjectPath("rows.json")
        try await input.put(path, Bytes(lines.joined(separator: "\n")), mode: .overwrite)
        table.log.clock.advance(by: .seconds(1))
        _ = try await WriteOperation(table: table.table, input: WriteInput(store: input, path: path, format: .jsonLines)).run()
    }

    static func condition(_ random: SeededRandomSource, ids: Int, depth: Int = 2) -> String {
        func pick(_ choices: [String]) -> String { choices[random.integer(below: choices.count)] }
        if depth > 0, random.integer(below: 2) == 0 {
            let left = condition(random, ids: ids, depth: depth - 1)
            if random.integer(below: 5) == 0 { return "NOT (\(left))" }
            return "(\(left)) \(pick(["AND", "OR"])) (\(condition(random, ids: ids, depth: depth - 1)))"
        }
        let compare = pick(["=", "<>", "<", ">=", "<=>"])
        return pick([
            "id \(compare) \(random.integer(below: ids))", "id BETWEEN \(random.integer(below: ids)) AND \(random.integer(below: ids))", "id % 3 = 1",
            "p \(compare) 'p1'", "p IS \(pick(["", "NOT "]))NULL", "n \(compare) 5", "n + id > 20", "x \(compare) 3.5", "s \(compare) 'a'", "s LIKE 'a%'",
            "d \(compare) 2.25", "day \(compare) '2024-01-03'", "at \(compare) TIMESTAMP'2024-01-01T00:00:04.123456Z'",
            "local \(compare) TIMESTAMP_NTZ'2024-01-01T00:00:04.5'", "flag", "flag IS NOT TRUE", "small \(compare) 2", "real \(compare) 2.5",
            "n IN (1, 2, NULL)", "p IN ('p0', 'p2')", "id IS NULL", "p = s",
        ])
    }

    /// What a naive evaluation leaves of rows, and takes.
    func split(_ rows: [[Scalar?]], by condition: String?) throws -> (kept: [[Scalar?]], deleted: [[Scalar?]]) {
        guard let condition else { return ([], rows) }
        let bound = try Expression.parse(condition).bindCondition(to: Self.fields(isMapped: false), now: table.log.clock.now())
        var kept: [[Scalar?]] = []
        var deleted: [[Scalar?]] = []
        for row in rows { if try bound.evaluate({ row[$0] }) == .bool(true) { deleted.append(row) } else { kept.append(row) } }
        return (kept, deleted)
    }

    /// The rows that the feed shows of a version, each with what became of it in front.
    func changes(of version: Int64) async throws -> [[Scalar?]] {
        let reader = try await ChangesReader.open(table.table, ChangeRange(from: .version(version), to: .version(version)))
        var rows: [[Scalar?]] = []
        while let batch = try await reader.next() {
            for row in 0..<batch.rowCount {
                let values = batch.columns.map { $0.value(at: row) }
                rows.append([values[values.count - 3]] + values.dropLast(3))
            }
        }
        return rows.sorted { "\($0)" < "\($1)" }
    }

    /// The stable row id and commit version of each row by its `id` (protocol, "Row Tracking").
    func origins() async throws -> [Int64: [Int64]] {
        let snapshot = try await table.table.snapshot()
        let hidden = try #require(try RowIdColumns(snapshot))
        let id = snapshot.metadata.columnMapping.physical(snapshot.schema.fields[0])
        var origins: [Int64: [Int64]] = [:]
        for view in snapshot.files {
            let file = try await DataFile.open(table.log.table.files, view, mapping: snapshot.metadata.columnMapping, fields: [id], hidden: hidden.fields)
            let scan = try file.scan()
            while let run = try await scan.next(maxRows: 7) {
                let batch = try file.wanted(of: run)
                let kept = file.kept(rowGroup: run.rowGroup, rows: run.rows) ?? (0..<Int32(run.rows.count)).map { $0 }
                for (row, place) in kept.enumerated() {
                    func value(_ column: Int) -> Int64? { if case let .integer(value)? = batch.columns[column].value(at: row) { value } else { nil } }
                    let position = file.firstRow(rowGroup: run.rowGroup) + run.rows.lowerBound + Int64(place)
                    let base = try #require(view.baseRowId)
                    let version = try #require(view.defaultRowCommitVersion)
                    origins[try #require(value(0))] = [value(1) ?? base + position, value(2) ?? version]
                }
            }
        }
        return origins
    }
}
