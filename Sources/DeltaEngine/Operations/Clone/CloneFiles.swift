import Base
import ObjectStore

/// How a file of the source becomes one of the target.
protocol CloneFiles: Sendable {
    /// The file as the target's log names it, after whatever that takes. Asked for many files at once.
    ///
    /// - Parameter own: the target's own of it, from an earlier clone.
    func bring(_ file: FileView, own: FileView?) async throws -> AddFile
}

/// The files stay where they are, and are named whole.
struct ReferredFiles: CloneFiles {
    let source: DeltaTable

    func bring(_ file: FileView, own: FileView?) throws(DeltaError) -> AddFile {
        var add = file.add
        add.path = try source.files.absolute(file.path)
        add.tags = add.tags.map { $0.filter { $0.key != ClonePlan.originTag && $0.key != ClonePlan.vectorOriginTag } }.flatMap { $0.isEmpty ? nil : $0 }
        if let vector = file.deletionVector, let path = try vector.path {
            add.deletionVector?.storageType = "p"
            add.deletionVector?.pathOrInlineDv = try source.files.absolute(path).encoded
        }
        return add
    }
}

/// The files are copied, under the names that they have in the source where they are free.
final class CopiedFiles: CloneFiles {
    private let source: DeltaTable
    private let target: DeltaTable
    private let staged: StagedFiles
    private let progress: ProgressReporter
    private let state: Lock<State>

    private struct State {
        /// By the source's path: who needs a vector of a file that is on its way waits for it.
        var vectors: [String: Task<DeletionVectorDescriptor, any Error>] = [:]
        var progress: OperationProgress
        var metrics = (files: Int64(0), bytes: Int64(0), vectors: Int64(0))
    }

    /// - Parameters:
    ///   - known: deletion vectors' files that the target has, by the paths that they came from.
    ///   - filesTotal: to copy, with their bytes.
    init(
        source: DeltaTable, target: DeltaTable, staged: StagedFiles, known: [String: DeletionVectorDescriptor], filesTotal: Int64, bytesTotal: Int64,
        progress: @escaping ProgressReporter
    ) {
        self.source = source
        self.target = target
        self.staged = staged
        self.progress = progress
        state = Lock(
            State(
                vectors: known.mapValues { descriptor in Task { descriptor } },
                progress: OperationProgress(phase: .writing, filesTotal: filesTotal, bytesTotal: bytesTotal)))
    }

    /// What has been copied by now: data files, their bytes, and deletion vectors' files.
    var metrics: (files: Int64, bytes: Int64, vectors: Int64) { state.withLock { $0.metrics } }

    func bring(_ file: FileView, own: FileView?) async throws -> AddFile {
        var add = file.add
        var tags = add.tags ?? [:]
        tags[ClonePlan.originTag] = nil
        tags[ClonePlan.vectorOriginTag] = nil
        add.path = if let own { own.path } else { try await copyData(file) }
        if !add.path.encoded.hasSameBytes(as: file.path.encoded) { tags[ClonePlan.originTag] = file.path.encoded }
        if let vector = file.deletionVector, let path = try vector.path {
            let copied = try await copyVector(vector, path)
            add.deletionVector?.storageType = copied.storageType
            add.deletionVector?.pathOrInlineDv = copied.pathOrInlineDv
            if try copied.path.map({ !$0.encoded.hasSameBytes(as: path.encoded) }) ?? true { tags[ClonePlan.vectorOriginTag] = path.encoded }
        }
        add.tags = tags.isEmpty ? nil : tags
        if add.baseRowId == nil, let own {
            // What the target gave them by itself.
            add.baseRowId = own.baseRowId
            add.defaultRowCommitVersion = own.defaultRowCommitVersion
        }
        return add
    }

    // MARK: Data

    private func copyData(_ file: FileView) async throws -> DataPath {
        let place = try source.files.place(of: file.path)
        let wanted = place.isOutside ? nil : place.path
        let copied = try await copy(place, sizeInBytes: file.size, to: wanted) {
            // The name tells who looks at the directory what lies in it; a new one keeps the ending, which says how it is compressed.
            let ending = place.path.string.split(separator: "/").last.map { $0.drop { $0 != "." } } ?? ""
            let directory = wanted.map { String($0.string.dropLast($0.string.split(separator: "/").last?.count ?? 0)) } ?? ""
            return try ObjectPath("\(directory)part-00000-\(UUID.v4(target.environment.random))\(ending.isEmpty ? ".parquet" : ending)")
        }
        staged.verified(rows: try await CloneVerification.checkFooter(target.store, copied, of: file), bytes: file.size)
        let (report, size) = (progress, file.size)
        state.withLock { state in
            state.metrics.files += 1
            state.metrics.bytes = state.metrics.bytes.saturatingAdding(size)
            state.progress.filesDone += 1
            state.progress.bytesDone = state.progress.bytesDone.saturatingAdding(size)
            report(state.progress)
        }
        FaultPoint.hit("clone.afterFile")
        return copied == wanted ? file.path.isAbsolute ? DataPath(copied) : file.path : DataPath(copied)
    }

    // MARK: Deletion vectors

    /// A descriptor that says where the vector's file is now. Many vectors lie in one file, which is copied once.
    private func copyVector(_ vector: DeletionVectorDescriptor, _ path: DataPath) async throws -> DeletionVectorDescriptor {
        let task = state.withLock { state in
            if let known = state.vectors[path.encoded] { return known }
            let task = Task { try await self.copyVectorFile(vector, path) }
            state.vectors[path.encoded] = task
            return task
        }
        return try await withTaskCancellationHandler(operation: { try await task.value }, onCancel: { task.cancel() })
    }

    private func copyVectorFile(_ vector: DeletionVectorDescriptor, _ path: DataPath) async throws -> DeletionVectorDescriptor {
        let place = try source.files.place(of: path)
        let size = try await place.store.head(place.path).sizeInBytes
        let uuid = UUID.v4(target.environment.random)
        let isRelative = vector.storageType == "u"
        let copied = try await copy(place, sizeInBytes: size, to: isRelative ? place.path : nil) { try ObjectPath("deletion_vector_\(uuid).bin") }
        state.withLock { $0.metrics.vectors += 1 }
        FaultPoint.hit("clone.afterVectors")
        if isRelative, copied == place.path { return vector }
        var descriptor = vector
        descriptor.storageType = "u"
        descriptor.pathOrInlineDv = withUnsafeBytes(of: uuid.bits.bigEndian) { Z85.encode(Array($0)) }
        return descriptor
    }

    // MARK: Both

    /// Copies to the path wanted where that is free, else to a new one. What an interrupted run has left is not taken for a copy: nobody knows whether it is.
    private func copy(
        _ place: TableFiles.Place, sizeInBytes: Int64, to wanted: ObjectPath?, otherwise fresh: () throws -> ObjectPath
    ) async throws -> ObjectPath {
        let copy = ObjectCopy(from: place.store, to: target.store)
        FaultPoint.hit("clone.beforeFile")
        if let wanted {
            do {
                try await copy.copy(place.path, sizeInBytes: sizeInBytes, to: wanted) { staged.add(wanted) }
                return wanted
            } catch let error as ObjectStoreError {
                guard case .alreadyExists = error else { throw error }
            }
        }
        let path = try fresh()
        staged.add(path)
        try await copy.copy(place.path, sizeInBytes: sizeInBytes, to: path)
        return path
    }
}
