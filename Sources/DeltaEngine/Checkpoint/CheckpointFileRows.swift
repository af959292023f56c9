import Base
import Columnar

/// The `add` or `remove` column of a checkpoint, row by row into a segment.
struct CheckpointFileRows {
    private let rows: StructRows
    private let isAdd: Bool
    private let paths: TextRows
    private let sizes: IntegerRows?
    private let times: IntegerRows?
    private let dataChanges: BoolRows?
    private let extended: BoolRows?
    private let partitionValues: TextMapRows?
    private let parsedPartitions: StructRows?
    private let stats: TextRows?
    private let parsedStats: StructRows?
    private let tags: TextMapRows?
    private let vectors: DeletionVectorRows?
    private let baseRowIds: IntegerRows?
    private let commitVersions: IntegerRows?
    private let providers: TextRows?

    init(_ rows: StructRows, isAdd: Bool) throws(ActionDecoding.Failure) {
        guard let paths = try rows.texts("path") else { throw ActionDecoding.Failure(reason: "\(isAdd ? "add" : "remove") has no path") }
        self.rows = rows
        self.isAdd = isAdd
        self.paths = paths
        sizes = try rows.integers("size")
        times = try rows.integers(isAdd ? "modificationTime" : "deletionTimestamp")
        dataChanges = try rows.bools("dataChange")
        extended = isAdd ? nil : try rows.bools("extendedFileMetadata")
        partitionValues = try rows.textMaps("partitionValues")
        parsedPartitions = isAdd ? rows.structure("partitionValues_parsed") : nil
        stats = isAdd ? try rows.texts("stats") : nil
        parsedStats = isAdd ? rows.structure("stats_parsed") : nil
        tags = isAdd ? try rows.textMaps("tags") : nil
        vectors = try rows.structure("deletionVector").map { vector throws(ActionDecoding.Failure) in try DeletionVectorRows(vector) }
        baseRowIds = try rows.integers("baseRowId")
        commitVersions = try rows.integers("defaultRowCommitVersion")
        providers = isAdd ? try rows.texts("clusteringProvider") : nil
    }

    func append(to builder: FileSegmentBuilder) throws(ActionDecoding.Failure) {
        let present = (0..<rows.count).filter { !rows.isNull($0) }
        let vectors = try descriptors(present)
        try paths.withValues { (paths) throws(ActionDecoding.Failure) in
            try check(present, paths)
            _ = builder.appendRows(
                present.count, size: { sizes?[present[$0]] }, time: { times?[present[$0]] }, flags: { flags(present[$0]) },
                deletionVector: vectors.map { vectors in { vectors[$0] } }
            ) { paths[present[$0]] ?? UnsafeRawBufferPointer(start: nil, count: 0) }
        }
        let first = builder.count - present.count
        appendPartitions(present, first, to: builder)
        appendStatistics(present, to: builder)
        if let tags, !tags.isEmpty {
            for (index, row) in present.enumerated() where !tags.isNull(row) { appendTags(tags, row, at: first + index, to: builder) }
        }
        if let baseRowIds, !baseRowIds.isEmpty {
            for (index, row) in present.enumerated() {
                if let id = baseRowIds[row] { builder.setRowTracking(baseRowId: id, defaultRowCommitVersion: commitVersions?[row], row: first + index) }
            }
        }
        if let providers, !providers.isEmpty {
            for (index, row) in present.enumerated() {
                if let provider = providers.text(row) { builder.setClusteringProvider(provider, row: first + index) }
            }
        }
    }

    /// Throws where a file lacks what it must have.
    private func check(_ present: [Int], _ paths: TextRows.Values) throws(ActionDecoding.Failure) {
        for row in present {
            guard let path = paths[row], !path.isEmpty else { throw ActionDecoding.Failure(reason: "\(isAdd ? "add" : "remove") has no path") }
            guard Self.isText(path) else { throw ActionDecoding.Failure(reason: "a path is not UTF-8") }
            let size = sizes?[row]
            if isAdd, size == nil { throw ActionDecoding.Failure(reason: "the add of \(String(decoding: path, as: UTF8.self)) has no size") }
            if let size, size < 0 { throw ActionDecoding.Failure(reason: "the size of \(String(decoding: path, as: UTF8.self)) is negative") }
        }
    }

    /// Whether bytes are UTF-8; mostly they are ASCII.
    private static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var high: UInt8 = 0
        for byte in bytes { high |= byte }
        return high < 0x80 || String(validating: bytes, as: UTF8.self) != nil
    }

    private func flags(_ row: Int) -> FileSegment.Flags {
        var flags: FileSegment.Flags = []
        if dataChanges?[row] ?? false { flags.insert(.dataChange) }
        if extended?[row] ?? false { flags.insert(.extended) }
        return flags
    }

    /// Those of the rows, nil where none of them has one.
    private func descriptors(_ present: [Int]) throws(ActionDecoding.Failure) -> [DeletionVectorDescriptor?]? {
        guard let vectors, !vectors.isEmpty else { return nil }
        var descriptors: [DeletionVectorDescriptor?] = []
        for row in present { descriptors.append(try vectors.descriptor(row)) }
        return descriptors
    }

    private func appendPartitions(_ present: [Int], _ first: Int, to builder: FileSegmentBuilder) {
        if let partitionValues, partitionValues.isEmpty, parsedPartitions == nil { return }
        for (index, row) in present.enumerated() {
            if let partitionValues, !partitionValues.isNull(row) {
                partitionValues.forEach(row) { key, value in
                    let known = key.withUnsafeBytes { builder.partitions.column(named: $0) }
                    let column = known >= 0 ? known : builder.partitions.column(key.text)
                    if let value {
                        value.withUnsafeBytes { builder.partitions.set($0, column: column, row: first + index) }
                    } else {
                        builder.partitions.set(nil as String?, column: column, row: first + index)
                    }
                }
            } else if let parsedPartitions, case let .structure(values)? = parsedPartitions.value(row) {
                for (field, value) in zip(parsedPartitions.fields, values) {
                    builder.setPartition(field.name, PartitionValue.text(of: value), row: first + index)
                }
            }
        }
    }

    private func appendStatistics(_ present: [Int], to builder: FileSegmentBuilder) {
        if let stats, !stats.isEmpty, parsedStats == nil || stats.hasNoNull {
            return stats.withValues { texts in builder.setStatistics(present.count, texts.data) { texts.range(present[$0]) } }
        }
        guard let parsedStats else { return }
        // As JSON they take about as much as in memory already, a run of rows at a time.
        var texts = BytesBuilder()
        var ranges: [Range<Int>?] = []
        for row in present {
            let start = texts.count
            guard let text = stats?.bytes(row) ?? ParsedStatistics.json(parsedStats, row) else {
                ranges.append(nil)
                continue
            }
            text.withUnsafeBytes { texts.append(contentsOf: $0) }
            ranges.append(start..<texts.count)
        }
        texts.take().withUnsafeBytes { data in builder.setStatistics(present.count, data) { ranges[$0] } }
    }

    private func appendTags(_ tags: TextMapRows, _ row: Int, at place: Int, to builder: FileSegmentBuilder) {
        var object: JSONObject = [:]
        tags.forEach(row) { key, value in object[key.text] = value.map { .string($0.text) } ?? .null }
        if !object.isEmpty { JSON.encodeBytes(.object(object)).withUnsafeBytes { builder.setTags($0, row: place) } }
    }
}

/// The `deletionVector` member of a checkpoint's files.
struct DeletionVectorRows {
    private let rows: StructRows
    private let storageTypes: TextRows
    private let places: TextRows
    private let offsets: IntegerRows?
    private let sizes: IntegerRows
    private let cardinalities: IntegerRows

    init(_ rows: StructRows) throws(ActionDecoding.Failure) {
        guard let storageTypes = try rows.texts("storageType"), let places = try rows.texts("pathOrInlineDv"),
            let sizes = try rows.integers("sizeInBytes"), let cardinalities = try rows.integers("cardinality")
        else { throw ActionDecoding.Failure(reason: "deletionVector lacks a member") }
        self.rows = rows
        self.storageTypes = storageTypes
        self.places = places
        offsets = try rows.integers("offset")
        self.sizes = sizes
        self.cardinalities = cardinalities
    }

    /// Whether no file has one.
    var isEmpty: Bool { rows.isEmpty || storageTypes.isEmpty }

    /// nil where the file has none. Some writers give a struct of nulls for that.
    func descriptor(_ row: Int) throws(ActionDecoding.Failure) -> DeletionVectorDescriptor? {
        guard !rows.isNull(row), let storageType = storageTypes.text(row) else { return nil }
        guard let place = places.text(row), let size = sizes[row].flatMap(Int32.init(exactly:)), let cardinality = cardinalities[row] else {
            throw ActionDecoding.Failure(reason: "a deletion vector lacks a member")
        }
        return DeletionVectorDescriptor(
            storageType: storageType, pathOrInlineDv: place, offset: offsets?[row].flatMap(Int32.init(exactly:)), sizeInBytes: size,
            cardinality: cardinality)
    }
}
