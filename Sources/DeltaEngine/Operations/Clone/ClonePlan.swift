import Base

/// Which of the source's files the target has already, which must be brought, and which of the target's go: made from the two snapshots alone.
///
/// The target has a file where its log has one that came from the same path and has the same size: data files are never changed. It came from the path that
/// its tag says, else from its own.
struct ClonePlan: Sendable {
    /// Tags of files that could not keep their path.
    static let originTag = "levee.clonedFrom"
    static let vectorOriginTag = "levee.clonedVectorFrom"

    let source: Snapshot
    /// nil where the table is made.
    let target: Snapshot?
    /// For each file of the source the target's own, as positions; nil for one that must be brought.
    private let counterparts: [Int32]
    /// Positions in the target of files that the source has not.
    let removed: [Int]
    /// Deletion vectors' files that the target has, by the paths that they came from: the target's descriptors for these.
    let knownVectors: [String: DeletionVectorDescriptor]

    private static let none: Int32 = -1

    /// - Parameters:
    ///   - spelling: of a path of the source in the target's log, where it can be the same file or has the same name.
    ///   - isSameClone: whether the target's files came from this source; else nothing that it has counts.
    init(source: Snapshot, target: Snapshot?, isSameClone: Bool, mode: CloneOptions.Mode, spelling: (DataPath) throws(DeltaError) -> String) throws(DeltaError)
    {
        self.source = source
        self.target = target
        var counterparts = [Int32](repeating: Self.none, count: source.files.count)
        var vectors: [String: DeletionVectorDescriptor] = [:]
        guard let target else {
            (self.counterparts, removed, knownVectors) = (counterparts, [], [:])
            return
        }
        var matched = [Bool](repeating: false, count: target.files.count)
        if isSameClone {
            // By hashes; whoever has the same is compared.
            var places: [Int: Int32] = Dictionary(minimumCapacity: target.files.count)
            for (position, file) in target.files.enumerated() where file.path.isAbsolute == (mode == .shallow) {
                places[Self.hash(Self.origin(of: file), file.size)] = Int32(truncatingIfNeeded: position)
                guard mode == .deep, let vector = file.deletionVector, let path = try vector.path, !path.isAbsolute else { continue }
                vectors[file.tags?[Self.vectorOriginTag] ?? path.encoded] = vector
            }
            for (position, file) in source.files.enumerated() {
                let wanted = mode == .shallow ? try spelling(file.path) : file.path.encoded
                guard let found = places[Self.hash(wanted, file.size)] else { continue }
                let candidate = target.files[Int(found)]
                guard candidate.size == file.size, Self.origin(of: candidate).hasSameBytes(as: wanted), !matched[Int(found)] else { continue }
                counterparts[position] = found
                matched[Int(found)] = true
            }
        }
        self.counterparts = counterparts
        removed = matched.indices.filter { !matched[$0] }
        knownVectors = vectors
    }

    private static func origin(of file: FileView) -> String { file.tags?[originTag] ?? file.path.encoded }

    private static func hash(_ path: String, _ size: Int64) -> Int {
        var hasher = Hasher()
        path.hashBytes(into: &hasher)
        hasher.combine(size)
        return hasher.finalize()
    }

    /// The target's own of a file of the source.
    func counterpart(of position: Int) -> FileView? {
        guard let target, counterparts[position] != Self.none else { return nil }
        return target.files[Int(counterparts[position])]
    }
}

extension AddFile {
    /// Whether the target's file says all that this one says. Statistics may have been written anew from a checkpoint: that there are some has to do.
    func isSaidBy(_ other: AddFile) -> Bool {
        path == other.path && partitionValues == other.partitionValues && size == other.size && deletionVector == other.deletionVector
            && (stats == nil) == (other.stats == nil) && (tags ?? [:]) == (other.tags ?? [:]) && baseRowId == other.baseRowId
            && defaultRowCommitVersion == other.defaultRowCommitVersion && clusteringProvider == other.clusteringProvider
    }
}
