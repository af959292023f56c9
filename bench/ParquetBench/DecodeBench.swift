import Base
import Columnar
import ObjectStore
import Parquet

/// Opens files and decodes all their columns, with a number of threads; batches are dropped as they come.
struct DecodeBench {
    let files: [String]
    let threads: Int
    let runs: Int

    private static let batchRows = 65_536

    private struct Work: Sendable {
        let file: ParquetFile
        let rowGroup: Int
        let columns: [Int]
    }

    func run() async throws {
        let executor = BlockingExecutor(threads: threads, name: "bench")
        let store = LocalStore(root: "/", executor: executor)
        var times: [Double] = []
        var bytes = 0
        for _ in 0..<runs {
            times.append(try await ParquetBench.seconds { bytes = try await decode(store, executor) })
        }
        let list = times.map { "\($0)" }.joined(separator: ", ")
        print("{\"seconds\": [\(list)], \"bytes\": \(bytes), \"peakMB\": \(ParquetBench.peakMegabytes)}")
    }

    /// Returns the bytes that the columns took in memory. Few files are divided by row group and column, many by file.
    private func decode(_ store: LocalStore, _ executor: BlockingExecutor) async throws -> Int {
        if files.count >= 2 * threads {
            return try await concurrentMap(files, limit: threads) { path in
                try await withTaskExecutorPreference(executor) {
                    let file = try await Self.open(store, path)
                    var bytes = 0
                    for group in file.metadata.rowGroups.indices {
                        bytes += try await Self.decode(Work(file: file, rowGroup: group, columns: Array(file.schema.fields.indices)))
                    }
                    return bytes
                }
            }.reduce(0, +)
        }
        var work: [Work] = []
        for path in files {
            let file = try await Self.open(store, path)
            for group in file.metadata.rowGroups.indices {
                work += file.schema.fields.indices.map { Work(file: file, rowGroup: group, columns: [$0]) }
            }
        }
        return try await concurrentMap(work, limit: threads) { item in
            try await withTaskExecutorPreference(executor) { try await Self.decode(item) }
        }.reduce(0, +)
    }

    private static func open(_ store: LocalStore, _ path: String) async throws -> ParquetFile {
        try await ParquetFile.open(store, ObjectPath(String(path.drop { $0 == "/" })))
    }

    private static func decode(_ work: Work) async throws -> Int {
        var bytes = 0
        for reader in try await work.file.columnReaders(rowGroup: work.rowGroup, columns: work.columns) {
            while let part = try reader.next(maxRows: batchRows) { bytes += part.sizeInBytes }
        }
        return bytes
    }
}
