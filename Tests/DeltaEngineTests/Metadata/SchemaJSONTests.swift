import Base
import Columnar
import Testing

@testable import DeltaEngine

@Suite struct SchemaJSONTests {
    @Test func everyTypeGoesBothWays() throws {
        let flat: [DataType] = [
            .boolean, .byte, .short, .integer, .long, .float, .double, .decimal(precision: 38, scale: 18), .string, .binary, .date, .timestamp,
            .timestampNTZ, .null,
        ]
        var fields = flat.enumerated().map { Field("c\($0.offset)", $0.element, nullable: $0.offset % 2 == 0, metadata: ["comment": "a\"b", "n": 1]) }
        let inner = Field("x", .long, metadata: ["delta.columnMapping.id": 3])
        fields.append(Field("list", .list(element: Field("element", .structure([inner]), nullable: false))))
        fields.append(
            Field("map", .map(key: Field("key", .string, nullable: false), value: Field("value", .list(element: Field("element", .date)), nullable: true))))
        let schema = Schema(fields)
        #expect(try SchemaJSON.parse(SchemaJSON.encode(schema)) == schema)
    }

    @Test func textIsAsSparkWritesIt() {
        let schema = Schema([Field("a", .list(element: Field("element", .decimal(precision: 10, scale: 2)))), Field("b", .timestampNTZ, nullable: false)])
        #expect(
            SchemaJSON.encode(schema)
                == #"{"type":"struct","fields":[{"name":"a","type":{"type":"array","elementType":"decimal(10,2)","containsNull":true},"nullable":true,"metadata":{}},"#
                + #"{"name":"b","type":"timestamp_ntz","nullable":false,"metadata":{}}]}"#)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"type":"array"}"#, #"{"type":"struct"}"#, #"{"type":"struct","fields":[{}]}"#, #"{"type":"struct","fields":[{"name":"a"}]}"#,
        #"{"type":"struct","fields":[{"name":"a","type":{"type":"array"}}]}"#,
        #"{"type":"struct","fields":[{"name":"a","type":{"type":"map","keyType":"string"}}]}"#,
        #"{"type":"struct","fields":[{"name":"a","type":"long"},{"name":"A","type":"long"}]}"#,
    ])
    func whatIsNoSchemaIsSaid(text: String) {
        do {
            _ = try SchemaJSON.parse(text)
            Issue.record("\(text) was read")
        } catch {
            guard case .invalidMetadata = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test(arguments: ["decimal(39,0)", "decimal(5,6)", "decimal(0,0)", "decimal(x)", "interval", "geometry(OGC:CRS84)"])
    func unknownTypesAreNamed(type: String) {
        let text = #"{"type":"struct","fields":[{"name":"s","type":{"type":"struct","fields":[{"name":"v","type":"\#(type)"}]}}]}"#
        #expect(throws: DeltaError.unsupportedType(column: "s.v", type: type)) { try SchemaJSON.parse(text) }
    }

    @Test(arguments: [
        ("csv", ["a"], "Levee handles Parquet only"), ("parquet", ["x"], "not in the schema"), ("parquet", ["l"], "nested"), ("parquet", ["a", "a"], "twice"),
    ])
    func metadataMustFitTogether(provider: String, partitions: [String], reason: String) {
        let schema = SchemaJSON.encode(Schema([Field("a", .long), Field("l", .list(element: Field("element", .long)))]))
        do {
            _ = try TableMetadata(
                id: "i", name: nil, description: nil, formatProvider: provider, formatOptions: [:], schemaString: schema, partitionColumns: partitions,
                configuration: [:], createdTime: nil)
            Issue.record("it was accepted")
        } catch {
            #expect(error.description.contains(reason))
        }
    }
}

@Suite struct TablePropertiesTests {
    @Test(
        arguments: [
            ("interval 1 week", 604_800.0), ("INTERVAL 168 HOURS", 604_800), ("2 days 3 hours", 183_600), ("interval 30 minutes", 1800),
            ("interval 1500 milliseconds", 1.5), ("interval 0 seconds", 0), ("interval 1 month", nil), ("interval -1 day", nil), ("interval", nil), ("", nil),
            ("interval 1", nil), ("interval x days", nil), ("interval 9223372036854775807 weeks", nil),
        ] as [(String, Double?)])
    func intervals(text: String, seconds: Double?) {
        #expect(CalendarInterval.duration(text) == seconds.map { .seconds($0) })
    }

    @Test func defaultsAreDeltas() {
        var metadata = TableMetadata(id: "i", schema: Schema([]))
        #expect(metadata.checkpointInterval == 10)
        #expect(metadata.deletedFileRetention == .seconds(7 * 86_400))
        #expect(metadata.logRetention == .seconds(30 * 86_400))
        #expect(metadata.transactionRetention == nil)
        #expect(metadata.writesStatsAsJSON)
        #expect(!metadata.writesStatsAsStruct)
        #expect(metadata.isolationLevel == .writeSerializable)
        metadata.configuration = [
            "delta.checkpointInterval": "0", "delta.deletedFileRetentionDuration": "interval 1 day", "delta.checkpoint.writeStatsAsJson": "False",
            "delta.isolationLevel": "Serializable", "delta.logRetentionDuration": "nonsense",
        ]
        #expect(metadata.checkpointInterval == 10)
        #expect(metadata.deletedFileRetention == .seconds(86_400))
        // What is not understood keeps everything.
        #expect(metadata.logRetention > .seconds(99 * 365 * 86_400))
        #expect(!metadata.writesStatsAsJSON)
        #expect(metadata.isolationLevel == .serializable)
    }
}
