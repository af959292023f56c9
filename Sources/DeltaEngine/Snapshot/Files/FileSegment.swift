import Base
import Glibc

/// The `add` or `remove` actions of one piece of the log, column by column. Immutable, shared by all snapshots that have rows of it.
final class FileSegment: Sendable {
    /// What a row says by yes or no.
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let dataChange = Flags(rawValue: 1)
        /// `extendedFileMetadata` of a remove.
        static let extended = Flags(rawValue: 2)
        static let hasSize = Flags(rawValue: 4)
        static let hasTime = Flags(rawValue: 8)
    }

    let count: Int
    let arena: ByteArena
    /// As in the log.
    let paths: [ByteArena.Handle]
    /// See ``PathHash``.
    let hashes: [UInt64]
    let sizes: [Int64]
    /// The modification time of an add, the deletion time of a remove, in milliseconds.
    let times: [Int64]
    let flags: [Flags]
    /// From the statistics; -1 where they don't say.
    let recordCounts: [Int64]
    let statistics: StatisticsStore
    let partitions: [PartitionCodes]
    /// As JSON text.
    let tags: SparseColumn<ByteArena.Handle>
    let deletionVectors: SparseColumn<DeletionVectorDescriptor>
    let baseRowIds: SparseColumn<Int64>
    let defaultRowCommitVersions: SparseColumn<Int64>
    let clusteringProviders: SparseColumn<String>

    fileprivate init(_ builder: FileSegmentBuilder) {
        count = builder.paths.count
        arena = builder.arena.finish()
        paths = builder.paths
        hashes = builder.hashes
        sizes = builder.sizes
        times = builder.times
        flags = builder.flags
        recordCounts = builder.recordCounts
        statistics = builder.statistics.finish()
        partitions = builder.partitions.finish()
        tags = builder.tags
        deletionVectors = builder.deletionVectors
        baseRowIds = builder.baseRowIds
        defaultRowCommitVersions = builder.defaultRowCommitVersions
        clusteringProviders = builder.clusteringProviders
    }

    static let empty = FileSegmentBuilder().finish()

    func path(_ row: Int) -> DataPath { DataPath(encoded: arena.text(paths[row])) }

    /// Whether two rows are the same logical file: path and deletion vector (protocol, "Add File and Remove File").
    static func sameFile(_ left: FileSegment, _ leftRow: Int, _ right: FileSegment, _ rightRow: Int) -> Bool {
        guard left.hashes[leftRow] == right.hashes[rightRow] else { return false }
        guard left.deletionVectors[leftRow]?.uniqueID == right.deletionVectors[rightRow]?.uniqueID else { return false }
        let (leftPath, rightPath) = (left.arena.bytes(left.paths[leftRow]), right.arena.bytes(right.paths[rightRow]))
        return leftPath == rightPath || DataPath(encoded: leftPath.text) == DataPath(encoded: rightPath.text)
    }

    /// What the columns take in memory, roughly.
    var sizeInBytes: Int {
        arena.sizeInBytes + statistics.sizeInBytes + count * (5 * 8 + 1 + 4 * partitions.count)
    }
}

/// Fills a ``FileSegment`` row by row. Used by one task at a time.
final class FileSegmentBuilder {
    fileprivate let arena = ByteArenaBuilder()
    fileprivate var paths: [ByteArena.Handle] = []
    fileprivate var hashes: [UInt64] = []
    fileprivate var sizes: [Int64] = []
    fileprivate var times: [Int64] = []
    fileprivate var flags: [FileSegment.Flags] = []
    fileprivate var recordCounts: [Int64] = []
    fileprivate let statistics = StatisticsStoreBuilder()
    var partitions = PartitionCodesBuilder()
    fileprivate var tags = SparseColumn<ByteArena.Handle>()
    fileprivate var deletionVectors = SparseColumn<DeletionVectorDescriptor>()
    fileprivate var baseRowIds = SparseColumn<Int64>()
    fileprivate var defaultRowCommitVersions = SparseColumn<Int64>()
    fileprivate var clusteringProviders = SparseColumn<String>()

    /// - Parameter capacity: how many rows there will be, where that is known: so that no column grows beyond.
    init(capacity: Int = 0) {
        paths.reserveCapacity(capacity)
        hashes.reserveCapacity(capacity)
        sizes.reserveCapacity(capacity)
        times.reserveCapacity(capacity)
        flags.reserveCapacity(capacity)
        recordCounts.reserveCapacity(capacity)
        statistics.reserve(capacity)
    }

    var count: Int { paths.count }

    /// Begins a row. `writePath` writes at most `pathLimit` bytes of the path as the log has it, and returns their count.
    func appendRow<Failure: Error>(
        pathLimit: Int, size: Int64?, time: Int64?, flags: FileSegment.Flags, deletionVector: DeletionVectorDescriptor?,
        _ writePath: (UnsafeMutableBufferPointer<UInt8>) throws(Failure) -> Int
    ) throws(Failure) {
        let handle = try arena.append(upTo: pathLimit, writePath)
        var vectorID = deletionVector?.uniqueID ?? ""
        let hash = arena.withBytes(handle) { path in
            vectorID.withUTF8 { PathHash.hash(path: path, deletionVector: UnsafeRawBufferPointer($0)) }
        }
        var flags = flags
        if size != nil { flags.insert(.hasSize) }
        if time != nil { flags.insert(.hasTime) }
        let row = paths.count
        paths.append(handle)
        hashes.append(hash)
        sizes.append(size ?? 0)
        times.append(time ?? 0)
        self.flags.append(flags)
        recordCounts.append(-1)
        deletionVectors.set(deletionVector, at: row)
    }

    /// Begins `count` rows at once, as ``appendRow(pathLimit:size:time:flags:deletionVector:_:)`` begins one; returns the number of the first.
    func appendRows(
        _ count: Int, size: (Int) -> Int64?, time: (Int) -> Int64?, flags: (Int) -> FileSegment.Flags, deletionVector: ((Int) -> DeletionVectorDescriptor?)?,
        path: (Int) -> UnsafeRawBufferPointer
    ) -> Int {
        let first = paths.count
        arena.append(count, to: &paths, path)
        // Columns are filled one after the other, and out of the object: as its properties they would be checked for exclusive access value by value.
        var (hashes, sizes, times, rowFlags) = ([UInt64](), [Int64](), [Int64](), [FileSegment.Flags]())
        swap(&hashes, &self.hashes)
        swap(&sizes, &self.sizes)
        swap(&times, &self.times)
        swap(&rowFlags, &self.flags)
        for index in 0..<count {
            let (size, time) = (size(index), time(index))
            var flags = flags(index)
            if size != nil { flags.insert(.hasSize) }
            if time != nil { flags.insert(.hasTime) }
            sizes.append(size ?? 0)
            times.append(time ?? 0)
            rowFlags.append(flags)
        }
        for index in 0..<count {
            guard let vector = deletionVector?(index) else {
                hashes.append(PathHash.hash(path: path(index), deletionVector: UnsafeRawBufferPointer(start: nil, count: 0)))
                continue
            }
            var id = vector.uniqueID
            hashes.append(id.withUTF8 { PathHash.hash(path: path(index), deletionVector: UnsafeRawBufferPointer($0)) })
            deletionVectors.set(vector, at: first + index)
        }
        recordCounts.append(contentsOf: repeatElement(-1, count: count))
        swap(&hashes, &self.hashes)
        swap(&sizes, &self.sizes)
        swap(&times, &self.times)
        swap(&rowFlags, &self.flags)
        return first
    }

    /// Sets the statistics of the last `count` rows, texts that lie in `data` one behind the other; `range` says where, nil for a row without.
    func setStatistics(_ count: Int, _ data: UnsafeRawBufferPointer, _ range: (Int) -> Range<Int>?) {
        let first = paths.count - count
        statistics.append(firstRow: first, count: count, data, range)
        var counts = [Int64]()
        swap(&counts, &recordCounts)
        for index in 0..<count {
            guard let text = range(index) else { continue }
            counts[first + index] = StatisticsText.recordCount(UnsafeRawBufferPointer(rebasing: data[text])) ?? -1
        }
        swap(&counts, &recordCounts)
    }

    /// Whether the last row's path is UTF-8; one that is not would never match an object's name.
    var lastPathIsValid: Bool {
        guard let handle = paths.last else { return true }
        return arena.withBytes(handle) { path in
            !path.contains { $0 >= 0x80 } || String(validating: path, as: UTF8.self) != nil
        }
    }

    /// Sets the last row's value of a partition column.
    func setPartition(_ column: Int, _ value: String?) { partitions.set(value, column: column, row: paths.count - 1) }

    /// Sets a row's value of a partition column; rows come in ascending order.
    func setPartition(_ column: String, _ value: String?, row: Int) { partitions.set(value, column: partitions.column(column), row: row) }

    /// Sets the last row's statistics: at most `limit` bytes of JSON that `write` writes, returning their count.
    func setStatistics<Failure: Error>(
        limit: Int, _ write: (UnsafeMutableBufferPointer<UInt8>) throws(Failure) -> Int
    ) throws(Failure) {
        try statistics.append(row: paths.count - 1, upTo: limit, write)
        let records = statistics.withLast(StatisticsText.recordCount)
        recordCounts[paths.count - 1] = (records ?? nil) ?? -1
    }

    func setTags(_ json: UnsafeRawBufferPointer, row: Int) { tags.set(arena.append(json), at: row) }

    func setRowTracking(baseRowId: Int64?, defaultRowCommitVersion: Int64?, row: Int) {
        baseRowIds.set(baseRowId, at: row)
        defaultRowCommitVersions.set(defaultRowCommitVersion, at: row)
    }

    func setClusteringProvider(_ name: String?, row: Int) { clusteringProviders.set(name, at: row) }

    /// Appends a row of another segment, all of it.
    func append(copying segment: FileSegment, _ row: Int) {
        segment.arena.bytes(segment.paths[row]).withUnsafeBytes { path in
            appendRow(
                pathLimit: path.count, size: segment.flags[row].contains(.hasSize) ? segment.sizes[row] : nil,
                time: segment.flags[row].contains(.hasTime) ? segment.times[row] : nil, flags: segment.flags[row],
                deletionVector: segment.deletionVectors[row]
            ) { $0.copy(path) }
        }
        for column in segment.partitions {
            if let text = column.text(at: row) { setPartition(column.column, text, row: count - 1) }
        }
        if let text = segment.statistics.text(at: row) {
            text.withUnsafeBytes { text in setStatistics(limit: text.count) { $0.copy(text) } }
        }
        if let handle = segment.tags[row] { segment.arena.bytes(handle).withUnsafeBytes { setTags($0, row: count - 1) } }
        if segment.baseRowIds[row] != nil || segment.defaultRowCommitVersions[row] != nil {
            setRowTracking(
                baseRowId: segment.baseRowIds[row], defaultRowCommitVersion: segment.defaultRowCommitVersions[row], row: count - 1)
        }
        if let provider = segment.clusteringProviders[row] { setClusteringProvider(provider, row: count - 1) }
    }

    /// The segment, and a builder that must not be used again.
    func finish() -> FileSegment { FileSegment(self) }
}

extension UnsafeMutableBufferPointer<UInt8> {
    /// Copies `bytes`, which must fit, to the start, and returns how many they are.
    func copy(_ bytes: UnsafeRawBufferPointer) -> Int {
        if let to = baseAddress, let from = bytes.baseAddress { memcpy(to, from, bytes.count) }
        return bytes.count
    }
}
