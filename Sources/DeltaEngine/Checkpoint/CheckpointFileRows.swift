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
        for row in 0..<rows.count where !rows.isNull(row) {
            guard let path = paths.bytes(row), !path.isEmpty else { throw ActionDecoding.Failure(reason: "\(isAdd ? "add" : "remove") has no path") }
            let size = sizes?[row]
            if isAdd, size == nil { throw ActionDecoding.Failure(reason: "the add of \(path.text) has no size") }
            if let size, size < 0 { throw ActionDecoding.Failure(reason: "the size of \(path.text) is negative") }
            var flags: FileSegment.Flags = []
            if dataChanges?[row] ?? false { flags.insert(.dataChange) }
            if extended?[row] ?? false { flags.insert(.extended) }
            builder.appendRow(
                pathLimit: path.count, size: size, time: times?[row], flags: flags, deletionVector: try vectors?.descriptor(row)
            ) { target in Self.copy(path, to: target) }
            guard builder.lastPathIsValid else { throw ActionDecoding.Failure(reason: "a path is not UTF-8") }
            appendDetails(row, to: builder)
        }
    }

    private func appendDetails(_ row: Int, to builder: FileSegmentBuilder) {
        if let partitionValues, !partitionValues.isNull(row) {
            partitionValues.forEach(row) { key, value in
                let known = key.withUnsafeBytes { builder.partitions.column(named: $0) }
                builder.setPartition(known >= 0 ? known : builder.partitions.column(key.text), value?.text)
            }
        } else if let parsedPartitions, case let .structure(values)? = parsedPartitions.value(row) {
            for (field, value) in zip(parsedPartitions.fields, values) { builder.setPartition(field.name, PartitionValue.text(of: value)) }
        }
        if let text = stats?.bytes(row) {
            builder.setStatistics(limit: text.count) { target in Self.copy(text, to: target) }
        } else if let parsedStats, let text = ParsedStatistics.json(parsedStats, row) {
            builder.setStatistics(limit: text.count) { target in Self.copy(text, to: target) }
        }
        if let tags, !tags.isNull(row) {
            var object: JSONObject = [:]
            tags.forEach(row) { key, value in object[key.text] = value.map { .string($0.text) } ?? .null }
            if !object.isEmpty { JSON.encodeBytes(.object(object)).withUnsafeBytes { builder.setTags($0) } }
        }
        if let id = baseRowIds?[row] { builder.setRowTracking(baseRowId: id, defaultRowCommitVersion: commitVersions?[row]) }
        if let provider = providers?.text(row) { builder.setClusteringProvider(provider) }
    }

    private static func copy(_ bytes: Bytes, to target: UnsafeMutableBufferPointer<UInt8>) -> Int { bytes.withUnsafeBytes { target.copy($0) } }
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
