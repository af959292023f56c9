import Base
import Columnar
import Parquet

/// What a rewrite may take over of its source files as it is (docs/optimize.md has the rules with their reasons). Pure: decided by footers alone; what only the
/// pages tell is ``ColumnPages/copyObstacle``.
struct CopyRules: Sendable {
    /// The codecs that chunks of a copied row group may have; nil for any.
    private let rowGroupCodecs: Set<CompressionCodec>?
    /// Those that copied pages may have, of which a chunk has one: with another, they would have to be compressed anew, and then decoding them is worth it.
    private let pageCodecs: Set<CompressionCodec>
    /// Rows that move must take along what they have by their place in the file.
    private let hasRowDefaults: Bool

    /// - Parameter compression: of what is encoded.
    init(codec: OptimizeOptions.Codec, compression: Compression, hasRowDefaults: Bool) {
        // What hardly shrinks under snappy is stored as it is.
        pageCodecs = compression == .snappy ? [.snappy, .uncompressed] : [compression.codec]
        rowGroupCodecs = codec == .keep ? nil : pageCodecs
        self.hasRowDefaults = hasRowDefaults
    }

    /// Whether a row group may go over byte for byte.
    func canCopy(_ file: DataFile, rowGroup: Int, to writer: ParquetWriter) -> Bool {
        guard !hasRowDefaults, isWhole(file, rowGroup), writer.canCopyRowGroups(of: file.file),
            // Columns are copied by their places.
            file.positions.enumerated().allSatisfy({ $0.offset == $0.element && file.isStoredAsWanted($0.offset) })
        else { return false }
        let group = file.rowGroups[rowGroup]
        return group.columns.indices.allSatisfy { leaf in
            let chunk = group.columns[leaf]
            return rowGroupCodecs?.contains(chunk.codec) ?? true && chunk.columnIndex != nil && chunk.offsetIndex != nil
                && file.file.hasStatistics(rowGroup: rowGroup, leaf: leaf)
        }
    }

    /// Whether the pages of a column may go over from all of these row groups.
    func canCopy(_ sources: [RowGroupLayout.Source], of files: [DataFile], column: Int, to copier: ColumnChunkCopier) -> Bool {
        var codecs: [CompressionCodec]?
        for source in sources {
            let file = files[source.file]
            guard let position = file.positions[column], isWhole(file, source.rowGroup), file.isStoredAsWanted(column),
                copier.accepts(file.file, column: position)
            else { return false }
            let found = file.file.codecs(rowGroup: source.rowGroup, column: position)
            guard found == codecs ?? found, pageCodecs.isSuperset(of: found),
                file.file.copyObstacle(rowGroup: source.rowGroup, column: position) == nil
            else { return false }
            codecs = found
        }
        return true
    }

    /// Whether no row of it is deleted.
    private func isWhole(_ file: DataFile, _ rowGroup: Int) -> Bool { file.liveRows(rowGroup: rowGroup) == file.rowGroups[rowGroup].rowCount }
}
