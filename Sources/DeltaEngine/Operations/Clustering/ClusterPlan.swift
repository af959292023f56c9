import Base
import Columnar

/// Which files are sorted together along a curve: made from the log alone.
struct ClusterPlan: Sendable {
    /// Files of one partition whose rows are sorted together. The new files are a cube.
    struct Cube: Sendable {
        /// In the order of the table's partition columns, as the log has them.
        let partitionValues: [String?]
        /// Positions in the snapshot's file table, oldest first.
        let files: [Int]
        let sizeInBytes: Int64
    }

    let cubes: [Cube]
    /// Files in the partitions that were looked at.
    let consideredFiles: Int
    let partitions: Int
    let statistics: ClusteringStatistics

    /// A cube from this size on is left as it is, whatever comes (Spark's `spark.databricks.delta.optimize.clustering.mergeStrategy.minCubeSize`).
    static let fullCube: Int64 = 100 << 30
    /// A cube of a clustered table is no larger (`…targetCubeSize`).
    static let largestCube: Int64 = 150 << 30
    /// Files of a former run are sorted anew with new ones when they are at most so many times as large: so each row is rewritten a number of times that
    /// grows with the logarithm of the table's size, and so does the number of cubes that a lookup has to go through.
    private static let mergeRatio: Int64 = 2
    /// A file of which so large a part is deleted counts as a new one.
    private static let deletedPart = 0.1

    /// - Parameters:
    ///   - isFull: all files, those of other cubes too.
    ///   - minimumFiles: where there are fewer new files in a partition, it is left alone.
    init(
        files: FileTable, groups: [FileTable.PartitionGroup], filter: PartitionFilter, clustering: ClusterBy, isFull: Bool, targetFileSize: Int64,
        minimumFiles: Int, maximumBytes: Int64?
    ) throws(DeltaError) {
        var cubes: [Cube] = []
        var considered = 0
        var statistics = ClusteringStatistics()
        var left = maximumBytes ?? .max
        for group in groups where try filter.matches(group.values) {
            considered += group.files.count
            let candidates = group.files.map { Candidate(files[$0], $0, clustering) }
            statistics.count(candidates)
            let chosen = Self.choose(candidates, clustering, isFull: isFull, targetFileSize: targetFileSize, minimumFiles: minimumFiles, maximumBytes: left)
            guard !chosen.isEmpty else { continue }
            statistics.countMerged(chosen)
            let ordered = chosen.sorted { ($0.time, $1.position) < ($1.time, $0.position) }
            var current: [Candidate] = []
            var size: Int64 = 0
            func close() {
                guard !current.isEmpty else { return }
                cubes.append(Cube(partitionValues: group.values, files: current.map(\.position), sizeInBytes: size))
                left -= size
                (current, size) = ([], 0)
            }
            for file in ordered {
                if clustering.isTables, size.saturatingAdding(file.size) > Self.largestCube { close() }
                current.append(file)
                size = size.saturatingAdding(file.size)
            }
            close()
        }
        self.cubes = cubes
        consideredFiles = considered
        partitions = Set(cubes.map { PartitionKey($0.partitionValues) }).count
        statistics.numOutputCubes = Int64(cubes.count)
        self.statistics = statistics
    }

    var sizeInBytes: Int64 { cubes.reduce(0) { $0.saturatingAdding($1.sizeInBytes) } }
    var fileCount: Int { cubes.reduce(0) { $0 + $1.files.count } }

    /// What the plan needs to know of a file.
    struct Candidate: Sendable {
        let position: Int
        let size: Int64
        let time: Int64
        /// The cube it belongs to; nil for a new file.
        let cube: String?
        let isOthers: Bool
        let isForeign: Bool
        let bounds: [Bounds]

        fileprivate init(_ view: FileView, _ position: Int, _ clustering: ClusterBy) {
            self.position = position
            size = max(0, view.size)
            time = view.modificationTime
            isOthers = clustering.isOthers(view)
            isForeign = view.clusteringProvider.map { $0 != ClusterBy.provider } ?? false
            let isWorn = Double(view.size - view.liveSize) > ClusterPlan.deletedPart * Double(view.size)
            cube = isWorn ? nil : clustering.cube(of: view)
            let reader = FileStatisticsReader(view.stats)
            bounds = clustering.columns.map { column in
                let facts = reader.facts(column.storedPath, column.type)
                return Bounds(low: facts?.minimum, high: facts?.maximum)
            }
        }
    }

    /// Between which values all of some files' lie; nil where that is not known.
    struct Bounds: Sendable {
        var low: Scalar?
        var high: Scalar?

        func overlaps(_ other: Bounds) -> Bool {
            if let low, let high = other.high, Scalar.compare(low, high) == .descending { return false }
            if let high, let low = other.low, Scalar.compare(high, low) == .ascending { return false }
            return true
        }

        mutating func extend(by other: Bounds) {
            low = zip(low, other.low).map { Scalar.compare($0, $1) == .descending ? $1 : $0 }
            high = zip(high, other.high).map { Scalar.compare($0, $1) == .ascending ? $1 : $0 }
        }

        private func zip(_ left: Scalar?, _ right: Scalar?) -> (Scalar, Scalar)? {
            if let left, let right { (left, right) } else { nil }
        }
    }

    /// The new files of a partition, and those of former runs that overlap them, or are small, while they are few beside them.
    private static func choose(
        _ all: [Candidate], _ clustering: ClusterBy, isFull: Bool, targetFileSize: Int64, minimumFiles: Int, maximumBytes: Int64
    ) -> [Candidate] {
        if isFull { return fitting(all.filter { !$0.isForeign }, maximumBytes) }
        let mine = all.filter { !$0.isOthers }
        let new = mine.filter { $0.cube == nil }
        guard !new.isEmpty, new.count >= minimumFiles else { return [] }
        var chosen = fitting(new, maximumBytes)
        guard chosen.count == new.count else { return chosen }
        var size = chosen.reduce(Int64(0)) { $0.saturatingAdding($1.size) }
        var hull = chosen[0].bounds
        for file in chosen.dropFirst() { for column in hull.indices { hull[column].extend(by: file.bounds[column]) } }

        var byCube: [String: [Candidate]] = [:]
        for file in mine { if let cube = file.cube { byCube[cube, default: []].append(file) } }
        let open = byCube.filter { $0.value.reduce(Int64(0)) { $0.saturatingAdding($1.size) } < fullCube }
        for cube in open.sorted(by: { (total($0.value), $0.key) < (total($1.value), $1.key) }).map(\.value) {
            let merged = cube.filter { file in
                file.size < targetFileSize / 2 || Swift.zip(file.bounds, hull).allSatisfy { $0.overlaps($1) }
            }
            let bytes = total(merged)
            guard bytes <= size.multipliedReportingOverflow(by: mergeRatio).partialValue, bytes <= maximumBytes - size else { continue }
            chosen += merged
            size += bytes
            for file in merged { for column in hull.indices { hull[column].extend(by: file.bounds[column]) } }
        }
        return chosen
    }

    private static func total(_ files: [Candidate]) -> Int64 { files.reduce(0) { $0.saturatingAdding($1.size) } }

    /// The oldest files that together are no larger.
    private static func fitting(_ files: [Candidate], _ maximumBytes: Int64) -> [Candidate] {
        var left = maximumBytes
        return files.sorted { ($0.time, $1.position) < ($1.time, $0.position) }.filter { file in
            guard file.size <= left else { return false }
            left -= file.size
            return true
        }
    }
}

/// What a clustering has found and done, under the names of Delta's `ZOrderStats` and `ClusteringStats`.
public struct ClusteringStatistics: Sendable, Hashable {
    public struct Files: Sendable, Hashable, Encodable {
        public var num: Int64 = 0
        public var size: Int64 = 0

        fileprivate mutating func add(_ size: Int64) {
            num += 1
            self.size = self.size.saturatingAdding(size)
        }
    }

    /// Files that a former run by the same columns and curve has made, and all others.
    public var inputCubeFiles = Files()
    public var inputOtherFiles = Files()
    public var inputNumCubes: Int64 = 0
    /// Those of both that were sorted.
    public var mergedFiles = Files()
    public var mergedNumCubes: Int64 = 0
    public var numOutputCubes: Int64 = 0
    /// Of the other files those that may be sorted; and the size of the smallest.
    var newFiles = Files()
    var smallestNewFile: Int64?

    fileprivate mutating func count(_ files: [ClusterPlan.Candidate]) {
        for file in files {
            if file.cube != nil {
                inputCubeFiles.add(file.size)
                continue
            }
            inputOtherFiles.add(file.size)
            guard !file.isOthers else { continue }
            newFiles.add(file.size)
            smallestNewFile = min(smallestNewFile ?? .max, file.size)
        }
        inputNumCubes += Int64(Set(files.compactMap(\.cube)).count)
    }

    fileprivate mutating func countMerged(_ files: [ClusterPlan.Candidate]) {
        for file in files { mergedFiles.add(file.size) }
        mergedNumCubes += Int64(Set(files.compactMap(\.cube)).count)
    }
}

/// As `OptimizeMetrics.zOrderStats` has them.
public struct ZOrderStatistics: Sendable, Hashable, Encodable {
    public let strategyName: String
    public let inputCubeFiles: ClusteringStatistics.Files
    public let inputOtherFiles: ClusteringStatistics.Files
    public let inputNumCubes: Int64
    public let mergedFiles: ClusteringStatistics.Files
    public let numOutputCubes: Int64
    public let mergedNumCubes: Int64

    init(_ statistics: ClusteringStatistics, isFull: Bool) {
        strategyName = isFull ? "all" : "minCubeSize(\(ClusterPlan.fullCube))"
        inputCubeFiles = statistics.inputCubeFiles
        inputOtherFiles = statistics.inputOtherFiles
        inputNumCubes = statistics.inputNumCubes
        mergedFiles = statistics.mergedFiles
        numOutputCubes = statistics.numOutputCubes
        mergedNumCubes = statistics.mergedNumCubes
    }
}

/// As `OptimizeMetrics.clusteringStats` has them.
public struct LiquidStatistics: Sendable, Hashable, Encodable {
    public struct Files: Sendable, Hashable, Encodable {
        public let numFiles: Int64
        public let size: Int64

        fileprivate init(_ files: ClusteringStatistics.Files) { (numFiles, size) = (files.num, files.size) }
    }

    public let inputZCubeFiles: Files
    public let inputOtherFiles: Files
    public let inputNumZCubes: Int64
    public let mergedFiles: Files
    public let numOutputZCubes: Int64

    init(_ statistics: ClusteringStatistics) {
        inputZCubeFiles = Files(statistics.inputCubeFiles)
        inputOtherFiles = Files(statistics.inputOtherFiles)
        inputNumZCubes = statistics.inputNumCubes
        mergedFiles = Files(statistics.mergedFiles)
        numOutputZCubes = statistics.numOutputCubes
    }
}
