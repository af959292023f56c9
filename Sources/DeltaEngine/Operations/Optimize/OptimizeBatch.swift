import Base

/// One batch of an OPTIMIZE: the files that go into one commit, rewritten. Used by one task.
struct OptimizeBatch {
    let table: DeltaTable
    let snapshot: Snapshot
    let work: OptimizeWork
    let options: OptimizeOptions
    let staged: StagedFiles

    struct Result {
        var replaced: [ReplacedFiles] = []
        var skippedFiles = 0
        /// Of the skipped files, those that were to be sorted, and their bytes.
        var unsortableFiles = 0
        var unsortableBytes: Int64 = 0
        /// The bytes of the source files that each tier took.
        var bytesByTier: [RewriteTier: Int64] = [:]
        /// Whether the new files have their rows' ids.
        var keepsRowIds = false
    }

    func run(_ parts: [OptimizeWork.Part], progress: @escaping ProgressReporter) async throws -> Result {
        if let clustering = work.clustering { return try await cluster(parts, clustering, progress) }
        let bins = parts.compactMap { if case let .bin(bin) = $0 { bin } else { nil } }
        let compaction = try Compaction(
            table: table, snapshot: snapshot, bins: bins, codec: options.codec, mayCopy: !options.reencodes, staged: staged, progress: progress)
        try await compaction.run()
        return Result(
            replaced: compaction.outputs.map { ReplacedFiles(adds: $0.add.map { [$0] } ?? [], sources: $0.sources) },
            skippedFiles: compaction.skippedFiles, bytesByTier: compaction.bytesByTier, keepsRowIds: compaction.keepsRowIds)
    }

    private func cluster(_ parts: [OptimizeWork.Part], _ clustering: ClusterBy, _ progress: @escaping ProgressReporter) async throws -> Result {
        var result = Result(keepsRowIds: try RowIdColumns(snapshot) != nil)
        var sequence = 0
        var state = OperationProgress(
            phase: .rewriting, filesTotal: parts.reduce(0) { $0 + Int64($1.files.count) }, bytesTotal: parts.reduce(0) { $0.saturatingAdding($1.sizeInBytes) })
        progress(state)
        for case let .cube(cube) in parts {
            let sort = try ClusterSort(
                table: table, snapshot: snapshot, cube: cube, clustering: clustering, codec: options.codec, targetFileSize: work.targetFileSize,
                staged: staged)
            let output = try await sort.run(
                nextSequence: {
                    defer { sequence += 1 }
                    return sequence
                },
                progress: { bytes in
                    state.bytesDone = state.bytesDone.saturatingAdding(bytes)
                    progress(state)
                })
            result.skippedFiles += output.skipped
            result.unsortableFiles += output.skipped
            result.unsortableBytes = result.unsortableBytes.saturatingAdding(cube.sizeInBytes - output.sourceBytes)
            result.bytesByTier[.reencode, default: 0] += output.sourceBytes
            state.filesDone += Int64(cube.files.count)
            progress(state)
            if !output.sources.isEmpty { result.replaced.append(ReplacedFiles(adds: output.adds, sources: output.sources)) }
        }
        return result
    }
}
