import Parquet

/// How much of some files is compressed with what: tells what new files in their place are compressed with.
struct CodecSizes: Sendable {
    private var bytes: [CompressionCodec: Int64] = [:]

    mutating func add(_ file: DataFile) {
        for group in file.rowGroups {
            for column in group.columns { add(column.codec, column.totalCompressedSize) }
        }
    }

    mutating func add(_ other: CodecSizes) {
        for (codec, size) in other.bytes { add(codec, size) }
    }

    private mutating func add(_ codec: CompressionCodec, _ size: Int64) { bytes[codec] = bytes[codec, default: 0].saturatingAdding(size) }

    /// `keep` is what most of the compressed bytes are compressed with, or zstd where Levee does not write that codec. Uncompressed chunks count only where
    /// all are: a writer stores so what would hardly shrink (``WriterOptions/minimumSavings``), whatever its codec.
    func compression(_ codec: OptimizeOptions.Codec) -> Compression {
        switch codec {
        case .snappy: return .snappy
        case .zstd: return .zstd()
        case .keep:
            if !bytes.isEmpty, bytes.keys.allSatisfy({ $0 == .uncompressed }) { return .uncompressed }
            switch bytes.filter({ $0.key != .uncompressed }).max(by: { $0.value < $1.value })?.key {
            case .snappy: return .snappy
            case .gzip: return .gzip()
            default: return .zstd()
            }
        }
    }
}
