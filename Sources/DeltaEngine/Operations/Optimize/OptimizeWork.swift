import Base

/// What an OPTIMIZE of a snapshot is to do: files to put together, or to sort. Made from the log alone.
struct OptimizeWork: Sendable {
    enum Part: Sendable {
        case bin(OptimizePlan.Bin)
        case cube(ClusterPlan.Cube)

        var files: [Int] {
            switch self {
            case let .bin(bin): bin.files
            case let .cube(cube): cube.files
            }
        }

        var sizeInBytes: Int64 {
            switch self {
            case let .bin(bin): bin.sizeInBytes
            case let .cube(cube): cube.sizeInBytes
            }
        }
    }

    let parts: [Part]
    /// nil where files are put together as they are.
    let clustering: ClusterBy?
    let statistics: ClusteringStatistics?
    let targetFileSize: Int64
    let consideredFiles: Int
    let partitions: Int

    /// Throws ``DeltaError/invalidRequest(reason:)`` for options that the table cannot fulfil.
    init(_ snapshot: Snapshot, _ options: OptimizeOptions, now: Timestamp) throws(DeltaError) {
        let filter = try PartitionFilter(options.condition, metadata: snapshot.metadata, now: now)
        if let size = options.targetFileSize, size < 1 { throw .invalidRequest(reason: "the target file size must be more than nothing") }
        targetFileSize = options.targetFileSize ?? snapshot.metadata.targetFileSize ?? OptimizeOptions.defaultTargetFileSize
        clustering = try ClusterBy(options, snapshot)
        let groups = snapshot.files.partitionGroups()
        if let clustering {
            let plan = try ClusterPlan(
                files: snapshot.files, groups: groups, filter: filter, clustering: clustering, isFull: options.isFull, targetFileSize: targetFileSize,
                minimumFiles: options.minimumFiles, maximumBytes: options.maximumBytes)
            parts = plan.cubes.map(Part.cube)
            statistics = plan.statistics
            (consideredFiles, partitions) = (plan.consideredFiles, plan.partitions)
        } else {
            let plan = try OptimizePlan(
                files: snapshot.files, groups: groups, filter: filter, selection: options.selection, targetFileSize: targetFileSize,
                minimumGain: options.minimumFiles, maximumBytes: options.maximumBytes)
            parts = plan.bins.map(Part.bin)
            statistics = nil
            (consideredFiles, partitions) = (plan.consideredFiles, plan.partitions)
        }
    }

    var sizeInBytes: Int64 { parts.reduce(0) { $0.saturatingAdding($1.sizeInBytes) } }
    var fileCount: Int { parts.reduce(0) { $0 + $1.files.count } }

    /// The parts in batches of at most so many bytes; a part that is larger is a batch of its own.
    func batches(maximumBytes: Int64?) -> [[Part]] {
        guard let maximumBytes else { return parts.isEmpty ? [] : [parts] }
        var batches: [[Part]] = []
        var size: Int64 = 0
        for part in parts {
            if batches.isEmpty || size.saturatingAdding(part.sizeInBytes) > maximumBytes {
                batches.append([])
                size = 0
            }
            batches[batches.count - 1].append(part)
            size = size.saturatingAdding(part.sizeInBytes)
        }
        return batches
    }
}

/// New files in the place of old ones.
struct ReplacedFiles: Sendable {
    let adds: [AddFile]
    /// Positions in the snapshot's table.
    let sources: [Int]
}
