import Base
import Columnar
import Glibc

@testable import Parquet

/// Runs libFuzzer on one target, which LEVEE_FUZZ_TARGET names (scripts/fuzz).
///
/// What counts is that each input comes back: any error is fine, a crash, a hang or memory beyond the limit is not.
@main
struct Fuzz {
    static func main() {
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(
            runDriver(&count, &arguments) { data, count in
                target?(Bytes(copying: UnsafeRawBufferPointer(start: data, count: count)))
                return 0
            })
    }
}

/// libFuzzer as a library: SwiftPM renames the main function, so that libFuzzer's own cannot be used.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Small, so that a number that gets past its check shows as memory beyond libFuzzer's limit.
private let options = ReadOptions(limits: ReadLimits(pageBytes: 4 << 20, batchBytes: 4 << 20, footerBytes: 1 << 20))

private let target: (@Sendable (Bytes) -> Void)? = {
    let name = environmentVariable("LEVEE_FUZZ_TARGET") ?? ""
    guard let target = parquetTargets[name] ?? logTargets[name] else {
        print("set LEVEE_FUZZ_TARGET to one of \((parquetTargets.keys.sorted() + logTargets.keys.sorted()).joined(separator: ", "))")
        exit(2)
    }
    return target
}()

private let parquetTargets: [String: @Sendable (Bytes) -> Void] = [
    "footer": { bytes in _ = try? bytes.withUnsafeBytes { (raw) throws(Damage) in try FileMetadata(footer: raw, fileSize: 1 << 20) } },
    "page-header": { bytes in _ = try? bytes.withUnsafeBytes { (raw) throws(Damage) in try PageHeader.read(raw) } },
    "page-index": { bytes in
        _ = ColumnIndex(lenient: bytes)
        _ = OffsetIndex(lenient: bytes)
        _ = BloomFilterLookup(bytes)
    },
    "runs": { bytes in
        let width = Int(bytes.array.first ?? 0) % 33
        decode(bytes) { (base, output, count) throws(Damage) in
            var decoder = RunDecoder(width: width, range: 1..<max(1, bytes.count))
            try decoder.decode(base, into: output, count: count / 3)
            try decoder.decode(base, into: output, count: count)
        }
    },
    "packed-levels": { bytes in
        let maximum = Int(bytes.array.first ?? 1) % 64 + 1
        withUnsafeTemporaryAllocation(byteCount: 1000, alignment: 1) { output in
            guard let output = output.bindMemory(to: UInt8.self).baseAddress else { return }
            bytes.withUnsafeBytes { raw in
                var decoder = LevelDecoder.packed(LegacyPackedLevels(maximum: maximum, range: 1..<max(1, raw.count)), maximum: UInt8(maximum))
                if let base = raw.baseAddress { try? decoder.decode(base, into: output, count: 1000) }
            }
        }
    },
    "delta-binary-packed": { transcode($0, .deltaBinaryPacked, [.int32, .int64]) },
    "delta-length-byte-array": { transcode($0, .deltaLengthByteArray, [.byteArray]) },
    "delta-byte-array": { transcode($0, .deltaByteArray, [.byteArray, .fixedLengthByteArray]) },
    "byte-stream-split": { transcode($0, .byteStreamSplit, [.float, .double, .fixedLengthByteArray]) },
    "snappy": { decompress($0, .snappy) },
    "gzip": { decompress($0, .gzip) },
    "zstd": { decompress($0, .zstd) },
    "lz4": { decompress($0, .lz4) },
    "lz4-raw": { decompress($0, .lz4Raw) },
    "brotli": { decompress($0, .brotli) },
    "file": readFile,
]

private func decode(_ bytes: Bytes, _ body: (UnsafeRawPointer, UnsafeMutablePointer<Int32>, Int) throws(Damage) -> Void) {
    let output = UnsafeMutablePointer<Int32>.allocate(capacity: 4096)
    defer { output.deallocate() }
    bytes.withUnsafeBytes { raw in if let base = raw.baseAddress { try? body(base, output, 4096) } }
}

/// The first two bytes are how many values the page says it has, and which of the types it is.
private func transcode(_ bytes: Bytes, _ encoding: Encoding, _ types: [PhysicalType]) {
    let head = bytes.prefix(2).array
    guard head.count == 2 else { return }
    let type = types[Int(head[1]) % types.count]
    let conversion: ValueConversion =
        switch type {
        case .int32, .float: .copy4
        case .int64, .double: .copy8
        case .fixedLengthByteArray: .bytes(length: 5)
        default: .bytes(length: nil)
        }
    let count = Int(head[0]) * 20
    _ = try? PlainTranscoder.decode(encoding, bytes.dropFirst(2), count: count, physicalType: type, conversion: conversion, limits: options.limits)
}

/// The first three bytes are the size that the page header says.
private func decompress(_ bytes: Bytes, _ codec: CompressionCodec) {
    let size = bytes.prefix(3).array.reduce(0) { $0 << 8 | Int($1) }
    _ = try? PageDecompressor().decompress(codec, bytes.dropFirst(3), size: min(size, options.limits.pageBytes))
}

/// As ``ParquetFile`` does, without the store.
@Sendable
private func readFile(_ bytes: Bytes) {
    let end = bytes.dropFirst(bytes.count - 8).array
    guard bytes.count >= 12 else { return }
    let length = end[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= bytes.count - 12, let footer = bytes.slice((bytes.count - 8 - length)..<(bytes.count - 8)) else { return }
    guard let file = try? footer.withUnsafeBytes({ (raw) throws(Damage) in try FileMetadata(footer: raw, fileSize: Int64(bytes.count)) }) else { return }
    for root in file.schema.roots {
        guard let node = try? LogicalSchemaBuilder.node(root) else { continue }
        for (number, group) in file.rowGroups.prefix(4).enumerated() {
            for selection in [RowSelection(0..<group.rowCount), RowSelection(group.rowCount / 2..<group.rowCount)] {
                let chunks = node.leaves.map { chunk(bytes, group, leaf: $0, selection) }
                let reader = ColumnChunkReader(
                    node: node, schema: file.schema, group: group, chunks: chunks, selection: selection, place: .init(file: "f", rowGroup: number),
                    options: options, keepsDictionary: number % 2 == 0)
                var rows = 0
                while rows < 20_000, let part = try? reader.next(maxRows: 3000) { rows += max(1, part.count) }
            }
        }
    }
}

private func chunk(_ bytes: Bytes, _ group: RowGroupMetadata, leaf: Int, _ selection: RowSelection) -> ChunkPages {
    func part(_ range: Range<Int64>) -> Bytes { bytes.slice(Int(range.lowerBound)..<Int(range.upperBound)) ?? .empty }
    let chunk = group.columns[leaf]
    var plan = ChunkPlan(whole: chunk)
    if selection.count < group.rowCount, let index = chunk.offsetIndex.flatMap({ OffsetIndex(lenient: part($0)) }) {
        plan = ChunkPlan(chunk, index: index, rowCount: group.rowCount, selection: selection) ?? plan
    }
    return plan.pages(plan.ranges.map(part)[...])
}
