import Base

extension FileMetadata {
    /// Parses a footer (without its length and magic) of a file of `fileSize` bytes.
    ///
    /// Offsets are checked against `fileSize`; what they point at is checked by its reader.
    init(footer: UnsafeRawBufferPointer, fileSize: Int64) throws(Damage) {
        var version: Int32 = 1
        var elements: [SchemaElement] = []
        var rowCount: Int64?
        var groups: [RawRowGroup] = []
        var keyValues: [KeyValue] = []
        var createdBy: String?
        var isEncrypted = false
        var columnOrders: [ColumnOrder] = []
        var reader = CompactReader(footer)
        try reader.structure { (reader, id, kind) throws(Damage) in
            switch (id, kind) {
            case (1, .int32): version = try reader.int32()
            case (2, .list): elements = try reader.structures { (reader) throws(Damage) in try SchemaElement(&reader) }
            case (3, .int64): rowCount = try reader.int64()
            case (4, .list): groups = try reader.structures { (reader) throws(Damage) in try RawRowGroup(&reader) }
            case (5, .list): keyValues = try reader.structures { (reader) throws(Damage) in try KeyValue(&reader) }
            case (6, .binary): createdBy = try reader.string()
            case (7, .list): columnOrders = try reader.structures { (reader) throws(Damage) in try ColumnOrder(&reader) }
            case (8, .structure):
                isEncrypted = true
                return false
            default: return false
            }
            return true
        }
        if isEncrypted { throw Damage.encrypted }
        guard let rowCount, rowCount >= 0 else { throw Damage("it has no row count") }
        let schema = try SchemaTree(elements)
        var rowGroups: [RowGroupMetadata] = []
        var rowsSeen: Int64 = 0
        for (index, group) in groups.enumerated() {
            let checked = try group.checked(index: index, schema: schema, fileSize: fileSize)
            let (sum, overflow) = rowsSeen.addingReportingOverflow(checked.rowCount)
            guard !overflow else { throw Damage("its row groups hold more rows than can be counted") }
            rowsSeen = sum
            rowGroups.append(checked)
        }
        // Some writers leave the file's own count at 0; what is read is the row groups.
        guard rowsSeen == rowCount || rowCount == 0 else { throw Damage("it declares \(rowCount) rows, its row groups \(rowsSeen)") }
        self.init(
            version: version, schema: schema, rowCount: rowsSeen, rowGroups: rowGroups, keyValues: keyValues, createdBy: createdBy,
            columnOrders: columnOrders)
    }
}

extension ColumnOrder {
    fileprivate init(_ reader: inout CompactReader) throws(Damage) {
        var order = ColumnOrder.unknown
        try reader.structure { (_, id, _) throws(Damage) in
            order = id == 1 ? .typeDefined : (id == 2 ? .ieee754 : .unknown)
            return false
        }
        self = order
    }
}

extension FileMetadata.KeyValue {
    fileprivate init(_ reader: inout CompactReader) throws(Damage) {
        var key = ""
        var value: String?
        try reader.structure { (reader, id, kind) throws(Damage) in
            switch (id, kind) {
            case (1, .binary): key = try reader.string()
            case (2, .binary): value = try reader.string()
            default: return false
            }
            return true
        }
        self.init(key: key, value: value)
    }
}

/// A row group before its columns have been checked against schema and file.
private struct RawRowGroup {
    var rowCount: Int64 = -1
    var totalByteSize: Int64 = 0
    var columns: [RawColumnChunk] = []

    init(_ reader: inout CompactReader) throws(Damage) {
        var rowCount: Int64 = -1
        var totalByteSize: Int64 = 0
        var columns: [RawColumnChunk] = []
        try reader.structure { (reader, id, kind) throws(Damage) in
            switch (id, kind) {
            case (1, .list): columns = try reader.structures { (reader) throws(Damage) in try RawColumnChunk(&reader) }
            case (2, .int64): totalByteSize = try reader.int64()
            case (3, .int64): rowCount = try reader.int64()
            default: return false
            }
            return true
        }
        self.rowCount = rowCount
        self.totalByteSize = totalByteSize
        self.columns = columns
    }

    func checked(index: Int, schema: SchemaTree, fileSize: Int64) throws(Damage) -> RowGroupMetadata {
        guard rowCount >= 0 else { throw Damage("row group \(index) has no row count") }
        guard columns.count == schema.leaves.count else {
            throw Damage("row group \(index) has \(columns.count) columns, the schema \(schema.leaves.count)")
        }
        var checked: [ColumnChunkMetadata] = []
        checked.reserveCapacity(columns.count)
        for (column, leaf) in zip(columns, schema.leaves) {
            checked.append(try column.checked(leaf, place: "row group \(index), column \(leaf.name)", rowCount: rowCount, fileSize: fileSize))
        }
        return RowGroupMetadata(rowCount: rowCount, columns: checked, totalByteSize: totalByteSize)
    }
}

private struct RawColumnChunk {
    var externalPath: String?
    var isEncrypted = false
    var hasMetadata = false
    var physicalType: Int32 = -1
    var codec: Int32 = 0
    var encodings: [Encoding] = []
    var valueCount: Int64 = -1
    var uncompressed: Int64 = 0
    var compressed: Int64 = -1
    var dataPageOffset: Int64 = -1
    var dictionaryPageOffset: Int64?
    var statistics: ColumnStatistics?
    var pageCounts: [PageCount] = []
    var bloomFilterOffset: Int64?
    var bloomFilterLength: Int32?
    var offsetIndex: (start: Int64, length: Int32) = (0, 0)
    var columnIndex: (start: Int64, length: Int32) = (0, 0)

    init(_ reader: inout CompactReader) throws(Damage) {
        var chunk = Self()
        try reader.structure { (reader, id, kind) throws(Damage) in
            switch (id, kind) {
            case (1, .binary): chunk.externalPath = try reader.string()
            case (3, .structure): try chunk.readMetadata(&reader)
            case (4, .int64): chunk.offsetIndex.start = try reader.int64()
            case (5, .int32): chunk.offsetIndex.length = try reader.int32()
            case (6, .int64): chunk.columnIndex.start = try reader.int64()
            case (7, .int32): chunk.columnIndex.length = try reader.int32()
            case (8, .structure):
                chunk.isEncrypted = true
                return false
            default: return false
            }
            return true
        }
        self = chunk
    }

    private init() {}

    private mutating func readMetadata(_ reader: inout CompactReader) throws(Damage) {
        var chunk = self
        chunk.hasMetadata = true
        try reader.structure { (reader, id, kind) throws(Damage) in
            switch (id, kind) {
            case (1, .int32): chunk.physicalType = try reader.int32()
            case (2, .list): chunk.encodings = try reader.int32s().map { Encoding(rawValue: $0) }
            case (4, .int32): chunk.codec = try reader.int32()
            case (5, .int64): chunk.valueCount = try reader.int64()
            case (6, .int64): chunk.uncompressed = try reader.int64()
            case (7, .int64): chunk.compressed = try reader.int64()
            case (9, .int64): chunk.dataPageOffset = try reader.int64()
            case (11, .int64): chunk.dictionaryPageOffset = try reader.int64()
            case (12, .structure): chunk.statistics = try ColumnStatistics(&reader)
            case (13, .list): chunk.pageCounts = try reader.structures { (reader) throws(Damage) in try PageCount(&reader) }
            case (14, .int64): chunk.bloomFilterOffset = try reader.int64()
            case (15, .int32): chunk.bloomFilterLength = try reader.int32()
            default: return false
            }
            return true
        }
        self = chunk
    }

    /// `place` is asked for only where something is wrong: a wide file has many chunks.
    func checked(_ leaf: SchemaLeaf, place: @autoclosure () -> String, rowCount: Int64, fileSize: Int64) throws(Damage) -> ColumnChunkMetadata {
        if isEncrypted { throw Damage.encrypted }
        if let externalPath, !externalPath.isEmpty { throw Damage.unsupported("\(place()) in another file (\(externalPath))") }
        guard hasMetadata else { throw Damage("\(place()) has no metadata") }
        guard physicalType == leaf.physicalType.rawValue else {
            throw Damage("\(place()) is stored as physical type \(physicalType), the schema says \(leaf.physicalType)")
        }
        guard valueCount >= 0, leaf.maximumRepetitionLevel > 0 || valueCount == rowCount else {
            throw Damage("\(place()) declares \(valueCount) values for \(rowCount) rows")
        }
        let dictionary = dictionaryPageOffset.flatMap { $0 > 0 ? $0 : nil }
        let start = dictionary.map { min($0, dataPageOffset) } ?? dataPageOffset
        guard compressed >= 0, start >= 0, start <= fileSize, compressed <= fileSize - start else {
            throw Damage("\(place()) lies at \(start) with \(compressed) bytes, the file has \(fileSize)")
        }
        return ColumnChunkMetadata(
            physicalType: leaf.physicalType, codec: CompressionCodec(rawValue: codec), encodings: encodings, valueCount: valueCount,
            totalUncompressedSize: uncompressed, totalCompressedSize: compressed, dataPageOffset: dataPageOffset, dictionaryPageOffset: dictionary,
            statistics: statistics, pageCounts: pageCounts, columnIndex: Self.range(columnIndex, fileSize), offsetIndex: Self.range(offsetIndex, fileSize),
            bloomFilterOffset: bloomFilterOffset, bloomFilterLength: bloomFilterLength)
    }

    /// An index that does not lie in the file counts as absent: it only ever saves work.
    private static func range(_ location: (start: Int64, length: Int32), _ fileSize: Int64) -> Range<Int64>? {
        guard location.start > 0, location.length > 0, location.start <= fileSize, Int64(location.length) <= fileSize - location.start else { return nil }
        return location.start..<(location.start + Int64(location.length))
    }
}

extension ColumnStatistics {
    init(_ reader: inout CompactReader) throws(Damage) {
        var deprecated: (minimum: Bytes?, maximum: Bytes?)
        var minimum: Bytes?
        var maximum: Bytes?
        var nullCount: Int64?
        var distinctCount: Int64?
        var nanCount: Int64?
        var exact: (minimum: Bool?, maximum: Bool?)
        try reader.structure { (reader, id, kind) throws(Damage) in
            switch (id, kind) {
            case (1, .binary): deprecated.maximum = Bytes(copying: try reader.binary())
            case (2, .binary): deprecated.minimum = Bytes(copying: try reader.binary())
            case (3, .int64): nullCount = try reader.int64()
            case (4, .int64): distinctCount = try reader.int64()
            case (5, .binary): maximum = Bytes(copying: try reader.binary())
            case (6, .binary): minimum = Bytes(copying: try reader.binary())
            case (7, .boolTrue), (7, .boolFalse): exact.maximum = try reader.bool(kind)
            case (8, .boolTrue), (8, .boolFalse): exact.minimum = try reader.bool(kind)
            case (9, .int64): nanCount = try reader.int64()
            default: return false
            }
            return true
        }
        let isDeprecated = minimum == nil && maximum == nil && (deprecated.minimum != nil || deprecated.maximum != nil)
        self.init(
            minimum: isDeprecated ? deprecated.minimum : minimum, maximum: isDeprecated ? deprecated.maximum : maximum, nullCount: nullCount,
            distinctCount: distinctCount, isMinimumExact: exact.minimum, isMaximumExact: exact.maximum, isDeprecated: isDeprecated,
            nanCount: nanCount)
    }
}
