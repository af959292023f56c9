import Base
import Columnar
import Glibc
import ObjectStore
import Parquet
import TestSupport
import Testing

/// Measures decoding and encoding by type and codec, on one thread; prints MB of column memory per second. Not a test of speed: nothing fails.
///
///     LEVEE_MEASURE=1 swift test -c release -Xswiftc -enable-testing --filter ThroughputTests
@Suite(.enabled(if: environmentVariable("LEVEE_MEASURE") != nil), .serialized)
struct ThroughputTests {
    static let rows = 1_000_000

    struct Input: Sendable, CustomStringConvertible {
        let name: String
        let type: DataType
        let value: @Sendable (Int, SeededRandomSource) -> Scalar?
        var description: String { name }
    }

    static let inputs: [Input] = [
        Input(name: "key", type: .long) { row, _ in .integer(Int64(row)) },
        Input(name: "random long", type: .long) { _, random in .integer(Int64(bitPattern: random.next())) },
        Input(name: "double", type: .double) { _, random in .double(random.fraction()) },
        Input(name: "category", type: .string) { _, random in .string("category \(random.integer(below: 20))") },
        Input(name: "uuid", type: .string) { _, random in .string(UUID.v4(random).description) },
        Input(name: "nullable date", type: .date) { _, random in random.integer(below: 4) == 0 ? nil : .date(Int32(random.integer(below: 366))) },
        Input(name: "flag", type: .boolean) { _, random in .bool(random.next() & 1 == 0) },
        Input(name: "decimal(27,2)", type: .decimal(precision: 27, scale: 2)) { _, random in .decimal(Int128(random.next()), scale: 2) },
        Input(name: "list of long", type: .list(element: Field("element", .long))) { row, random in
            .list((0..<(row % 4)).map { _ in .integer(Int64(random.integer(below: 1000))) })
        },
    ]

    @Test(arguments: inputs)
    func measure(_ input: Input) async throws {
        let random = SeededRandomSource(seed: 1)
        let builder = ColumnBuilder(type: input.type, capacity: Self.rows)
        for row in 0..<Self.rows { try builder.append(input.value(row, random)) }
        let column = builder.finish()
        let schema = Schema([Field("c", input.type)])
        let rows = try ColumnBatch(schema: schema, columns: [column], rowCount: column.count)
        let megabytes = Double(column.sizeInBytes) / 1e6
        for compression in [Compression.uncompressed, .snappy, .zstd(level: 1), .gzip(level: 6)] {
            let files = Files()
            let encoding = try await Self.seconds {
                // A writer does not replace a file that is there.
                _ = try await files.store.delete([ObjectPath("f")])
                try await files.write("f", schema, [rows], WriterOptions(compression: compression))
            }
            let file = try await files.open("f")
            let decoding = try await Self.seconds {
                let reader = try await file.columnReader(rowGroup: 0, column: 0)
                while let part = try reader.next(maxRows: 65_536) { #expect(part.count > 0) }
            }
            let size = try await files.bytes("f").count
            print("\(input.name), \(compression.codec): encode \(Int(megabytes / encoding)) MB/s, decode \(Int(megabytes / decoding)) MB/s, \(size) bytes")
        }
    }

    /// The best of three.
    private static func seconds(_ body: () async throws -> Void) async throws -> Double {
        var best = Double.infinity
        for _ in 0..<3 {
            let clock = ContinuousClock()
            let elapsed = try await clock.measure { try await body() }
            best = min(best, Double(elapsed.wholeMicroseconds) / 1e6)
        }
        return max(best, 1e-6)
    }
}
