import Columnar
import ObjectStore
import Parquet

/// Writes the rows of a reader into one Parquet file.
public struct ParquetExport {
    public let reader: any RowReader

    public init(reader: any RowReader) { self.reader = reader }

    /// Throws ``ObjectStoreError/alreadyExists(path:)`` (as ``DeltaError/storage(_:)``) rather than replacing a file.
    public func run(into store: any ObjectStore, _ path: ObjectPath) async throws {
        try await DeltaError.wrapping {
            let writer = try ParquetWriter(writer: try await store.write(path), schema: reader.schema, options: WriterOptions(compression: .zstd()))
            do {
                while let batch = try await reader.next() { try await writer.write(batch) }
                _ = try await writer.finish()
            } catch {
                await writer.abort()
                throw error
            }
        }
    }
}
