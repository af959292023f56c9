import Base
import Columnar
import ObjectStore
import Parquet

/// Encodes the rows of some files, which are decoded and in memory, again and again into one file that nobody keeps.
struct EncodeBench {
    let files: [String]
    let threads: Int
    let runs: Int
    let codec: String
    /// How often the rows are written in one run.
    let repeats: Int
    /// In percent; nil for the writer's own choice. 0 compresses everything, as pyarrow does.
    let minimumSavings: Int?
    /// `PLAIN`, or the name of an encoding to use beside it; nil for the writer's own choice, dictionaries or PLAIN.
    let encoding: String?

    func run() async throws {
        let executor = BlockingExecutor(threads: threads, name: "bench")
        let store = LocalStore(root: "/", executor: executor)
        var batches: [ColumnBatch] = []
        var schema = Schema([])
        for path in files {
            let file = try await ParquetFile.open(store, ObjectPath(String(path.drop { $0 == "/" })))
            schema = file.schema
            for group in file.metadata.rowGroups.indices { batches.append(try await file.readRowGroup(group)) }
        }
        let compression: Compression =
            switch codec {
            case "snappy": .snappy
            case "zstd": .zstd()
            default: .uncompressed
            }
        let encodings: OptionalEncodings =
            switch encoding {
            case nil, "PLAIN": []
            case "BYTE_STREAM_SPLIT": .byteStreamSplit
            default: .deltas
            }
        let options = WriterOptions(
            compression: compression, minimumSavings: minimumSavings.map { Double($0) / 100 }, dictionaryBytes: encoding == nil ? 1 << 20 : 0,
            encodings: encodings, concurrency: threads)
        var times: [Double] = []
        var size: Int64 = 0
        for _ in 0..<runs {
            times.append(
                try await ParquetBench.seconds {
                    size = try await withTaskExecutorPreference(executor) { [batches, schema, repeats] in
                        let writer = try ParquetWriter(writer: DiscardingWriter(), schema: schema, options: options)
                        for _ in 0..<repeats { for batch in batches { try await writer.write(batch) } }
                        return try await writer.finish().sizeInBytes
                    }
                })
        }
        let list = times.map { "\($0)" }.joined(separator: ", ")
        print("{\"seconds\": [\(list)], \"bytes\": \(size), \"peakMB\": \(ParquetBench.peakMegabytes)}")
    }
}

/// Takes everything and keeps nothing, as pyarrow's `MockOutputStream` does.
private final class DiscardingWriter: ObjectWriter {
    func write(_ bytes: Bytes) async throws {}
    func finish() async throws {}
    func abort() async {}
}
