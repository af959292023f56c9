import Base
import Columnar
import ObjectStore
import Parquet
import TestSupport
import Testing

/// Files of many writers, damaged at random: each ends in rows or in a typed error, within a second, and in little memory.
///
/// 2,000 of them, and 50,000 with LEVEE_SOAK=1. LEVEE_SEED repeats a run, LEVEE_MUTATION one file of it (its number is printed before a slow or
/// wrong one; a crash is found by halving).
@Suite(.serialized) struct MutationTests {
    private static let seed = environmentVariable("LEVEE_SEED").flatMap { UInt64($0) } ?? 20_261_121
    private static let isSoak = environmentVariable("LEVEE_SOAK") == "1"
    private static let limits = ReadLimits(pageBytes: 8 << 20, batchBytes: 8 << 20, footerBytes: 1 << 20)

    /// Small files with all encodings, codecs and shapes between them: those of the shared set, and one of ours.
    private func originals(_ files: Files) async throws -> [[UInt8]] {
        var originals: [[UInt8]] = []
        if let directory = SharedFiles.directory("conformance") {
            for folder in ["parquet", "parquet_bad"] {
                for name in SharedFiles.names(in: "\(directory)/\(folder)") where !name.hasSuffix(".csv") {
                    let bytes = ConformanceTests.content("\(directory)/\(folder)/\(name)")?.array ?? []
                    // The large ones would only be slower.
                    if !bytes.isEmpty, bytes.count <= 20_000 { originals.append(bytes) }
                }
            }
        }
        let columns = RandomColumns(seed: 4)
        let schema = columns.schema(columns: 6, depth: 3)
        let rows = try ColumnBatch(schema: schema, columns: try schema.fields.map { try columns.column($0, rows: 60) }, rowCount: 60)
        try await files.write("ours", rows, pageRows: 9, WriterOptions(compression: .zstd(level: 1), rowGroupRows: 30))
        originals.append(try await files.bytes("ours").array)
        return originals
    }

    @Test func damageEndsInRowsOrAnError() async throws {
        let files = Files()
        let originals = try await originals(files)
        let only = environmentVariable("LEVEE_MUTATION").flatMap { Int($0) }
        let numbers = only.map { $0..<($0 + 1) } ?? 0..<(Self.isSoak ? 50_000 : 2000)
        print("mutations \(numbers) of \(originals.count) files from seed \(Self.seed) (LEVEE_SEED)")
        #expect(ProcessUsage.resetPeakMemory())
        let memoryBefore = ProcessUsage.peakMemory
        var outcomes: [String: Int] = [:]
        for number in numbers {
            let random = SeededRandomSource(seed: Self.seed &+ UInt64(number))
            try await files.put("f", Bytes(Self.mutated(originals[random.integer(below: originals.count)], random)))
            var outcome = "rows"
            let before = ProcessUsage.processorSeconds
            do {
                try await Self.readAll(try await ParquetFile.open(files.store, ObjectPath("f"), limits: Self.limits, verifyingChecksums: number % 4 == 0))
            } catch let error as ParquetError {
                outcome = "refused"
                #expect(error.description.hasPrefix("f: "), "mutation \(number)")
            }
            outcomes[outcome, default: 0] += 1
            #expect(ProcessUsage.processorSeconds - before < 1, "mutation \(number)")
        }
        // Several buffers of a page's or a batch's size at once, never what a damaged number says.
        let growth = ProcessUsage.peakMemory - memoryBefore
        print("mutations: \(outcomes), memory grew by \(growth) bytes")
        #expect(growth < 160 << 20, "memory grew by \(growth) bytes")
    }

    private static func readAll(_ file: ParquetFile) async throws {
        for group in file.metadata.rowGroups.indices {
            for column in file.schema.fields.indices {
                let reader = try await file.columnReader(rowGroup: group, column: column, keepingDictionary: column % 2 == 0)
                var rows = 0
                // A few bytes may honestly say that there are billions of nulls.
                while rows < 20_000, let part = try reader.next(maxRows: 5000) {
                    rows += part.count
                    if part.count > 0 { _ = part.value(at: part.count - 1) }
                }
                let stream = try await file.columnStream(rowGroup: group, column: column, pieceBytes: 300)
                var streamed = 0
                while streamed < 20_000, let part = try await stream.next(maxRows: 5000) { streamed += part.count }
                #expect(streamed == rows)
            }
            for leaf in file.metadata.schema.leaves.prefix(4) {
                let condition = RowCondition.any([.comparison(column: leaf.path, .equal, .integer(1)), .comparison(column: leaf.path, .less, .string("b"))])
                let selection = try await file.selectRows(rowGroup: group, where: condition)
                if let place = file.schema.index(of: leaf.path[0]), selection.count < file.metadata.rowGroups[group].rowCount {
                    _ = try await file.columnReader(rowGroup: group, column: place, selection: selection).next(maxRows: 5000)
                }
            }
        }
    }

    /// One to four changes, most of them to the data: a damaged footer mostly ends the reading there.
    private static func mutated(_ original: [UInt8], _ random: SeededRandomSource) -> [UInt8] {
        var bytes = original
        let footer = footerStart(bytes)
        for _ in 0..<(1 + random.integer(below: 4)) {
            guard bytes.count > 12 else { break }
            let isInFooter = random.integer(below: 3) == 0 || footer < 5
            let place =
                isInFooter
                ? min(footer + random.integer(below: max(1, original.count - footer)), bytes.count - 1)
                : 4 + random.integer(below: min(footer, bytes.count) - 4)
            switch random.integer(below: 8) {
            case 0, 1: bytes[place] ^= 1 << UInt8(random.integer(below: 8))
            case 2: bytes[place] = UInt8(truncatingIfNeeded: random.next())
            case 3: bytes[place] = [0, 1, 0x7f, 0x80, 0xff][random.integer(below: 5)]
            case 4:
                // A number's bytes, all at once.
                for index in place..<min(place + [2, 4, 8][random.integer(below: 3)], bytes.count) { bytes[index] = 0xff }
            case 5:
                let length = min(1 + random.integer(below: 16), bytes.count - place)
                for index in place..<(place + length) { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
            case 6: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
            default:
                // Bytes of another place, which look like what belongs here.
                let source = random.integer(below: bytes.count)
                let length = min(8 + random.integer(below: 24), bytes.count - max(place, source))
                bytes.replaceSubrange(place..<(place + length), with: Array(bytes[source..<(source + length)]))
            }
        }
        if random.integer(below: 20) == 0 { bytes.removeSubrange(random.integer(below: bytes.count)..<bytes.count) }
        return bytes
    }

    private static func footerStart(_ bytes: [UInt8]) -> Int {
        let length = bytes.dropFirst(bytes.count - 8).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        return max(4, bytes.count - 8 - length)
    }
}
