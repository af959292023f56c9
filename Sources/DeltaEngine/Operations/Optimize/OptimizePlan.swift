import Base

/// Which files OPTIMIZE rewrites into which: made from the log alone.
struct OptimizePlan: Sendable {
    /// Files of one partition that become one file.
    struct Bin: Sendable {
        /// In the order of the table's partition columns, as the log has them.
        let partitionValues: [String?]
        /// Positions in the snapshot's file table, in the order in which their rows go into the new file.
        let files: [Int]
        let sizeInBytes: Int64
    }

    let bins: [Bin]
    /// Files in the partitions that were looked at.
    let consideredFiles: Int
    let partitions: Int

    /// - Parameters:
    ///   - groups: the snapshot's files by partition.
    ///   - minimumGain: a bin must have so many files more than the one that it becomes.
    ///   - maximumBytes: how many bytes of files to rewrite at most; the bins with the most files for their bytes come first then.
    init(
        files: FileTable, groups: [FileTable.PartitionGroup], filter: PartitionFilter, selection: OptimizeOptions.Selection = .smallFiles,
        targetFileSize: Int64, minimumGain: Int = 1, maximumBytes: Int64?
    ) throws(DeltaError) {
        var bins: [Bin] = []
        var considered = 0
        for group in groups where try filter.matches(group.values) {
            considered += group.files.count
            // Oldest first, so that the rows of the new file stay in the order in which they came in; files of one commit in the order of their names.
            // Files that a clustering implementation has made are its own to rewrite (protocol, "Writer Requirements for Clustered Table"): among others
            // their rows would lie scattered again.
            let ordered = group.files
                .filter { selection == .deletionVectors ? files[$0].deletionVector != nil : files[$0].clusteringProvider == nil }
                .map { (position: $0, time: files[$0].modificationTime, size: files[$0].size) }
                .sorted { ($0.time, $1.position) < ($1.time, $0.position) }
            let sizes = ordered.map { file in
                // A clustered file is rewritten by itself, if it has to be; only OPTIMIZE puts together what was sorted for one of its runs.
                let view = files[file.position]
                let isAlone = view.clusteringProvider != nil || selection == .deletionVectors && ClusterBy.isOfCube(view)
                return isAlone ? .max : view.liveSize
            }
            for bin in BinPacking(targetFileSize: targetFileSize, takesAll: selection == .deletionVectors).bins(sizes: sizes)
            where selection == .deletionVectors || bin.count > minimumGain {
                bins.append(
                    Bin(
                        partitionValues: group.values, files: bin.map { ordered[$0].position },
                        sizeInBytes: bin.reduce(0) { $0.saturatingAdding(ordered[$1].size) }))
            }
        }
        self.bins = maximumBytes.map { Self.limit(bins, to: $0) } ?? bins
        consideredFiles = considered
        partitions = Set(self.bins.map { PartitionKey($0.partitionValues) }).count
    }

    private static func limit(_ bins: [Bin], to maximumBytes: Int64) -> [Bin] {
        var left = maximumBytes
        let byGain = bins.indices.sorted { left, right in
            let (a, b) = (bins[left], bins[right])
            return Double(a.files.count) * Double(max(1, b.sizeInBytes)) > Double(b.files.count) * Double(max(1, a.sizeInBytes))
        }
        let chosen = byGain.filter { index in
            guard bins[index].sizeInBytes <= left else { return false }
            left -= bins[index].sizeInBytes
            return true
        }
        return chosen.sorted().map { bins[$0] }
    }

    var sizeInBytes: Int64 { bins.reduce(0) { $0.saturatingAdding($1.sizeInBytes) } }
    var fileCount: Int { bins.reduce(0) { $0 + $1.files.count } }
}
