import Base

/// The adds and removes of one commit that is too large to be held as actions: their lines, compressed, and a hash of each file. A file takes a hundred bytes
/// or two. All of them change data.
final class PackedActions: Sendable {
    fileprivate struct Block: Sendable {
        let bytes: Bytes
        /// Of the lines in it.
        let size: Int
        let isCompressed: Bool
    }

    private let blocks: Lock<[Block]>
    /// Of all lines.
    let sizeInBytes: Int64
    /// ``PathHash`` of each file, ascending.
    let added: [UInt64]
    let removed: [UInt64]
    /// Of the removed files' paths alone, ascending.
    private let removedPaths: [UInt64]
    /// Whether they are written to the store part by part, and not in one piece with the rest of the commit.
    let isStreamed: Bool
    /// Whether one of the added files has no row id or no commit version yet.
    let lacksRowIds: Bool

    /// Larger ones are streamed.
    static let largestPiece: Int64 = 16 << 20

    fileprivate init(_ blocks: [Block], largestPiece: Int64, added: [UInt64], removed: [UInt64], removedPaths: [UInt64], lacksRowIds: Bool) {
        self.blocks = Lock(blocks)
        sizeInBytes = blocks.reduce(0) { $0 + Int64($1.size) }
        isStreamed = sizeInBytes > largestPiece
        self.added = added
        self.removed = removed
        self.removedPaths = removedPaths
        self.lacksRowIds = lacksRowIds
    }

    var isEmpty: Bool { added.isEmpty && removed.isEmpty }

    func removes(_ path: DataPath) -> Bool { removedPaths.containsSorted(PathHash.hash(path)) }

    /// The lines of the commit, block by block.
    func forEachBlock(_ body: (Bytes) async throws -> Void) async throws {
        for block in blocks.withLock({ $0 }) {
            guard block.isCompressed else {
                try await body(block.bytes)
                continue
            }
            guard let lines = BlockCompressor.expand(block.bytes, size: block.size) else {
                throw DeltaError.invalidData(source: "the commit's actions in memory", reason: "they cannot be decompressed; run the operation again")
            }
            try await body(lines)
        }
    }

    /// All of them, as actions.
    func actions() async throws -> [Action] {
        var actions: [Action] = []
        try await forEachBlock { lines in
            try CommitReader.forEachAction(lines, version: 0) {
                actions.append($0)
            } info: { _ in
            }
        }
        return actions
    }

    /// Gives their memory back, when the commit has been made.
    func forgetLines() { blocks.withLock { $0 = [] } }
}

/// Fills ``PackedActions``. Used by one task at a time.
final class PackedActionsBuilder {
    private static let blockSize = 1 << 20

    private let largestPiece: Int64
    private var lines = BytesBuilder(capacity: blockSize)
    private var blocks: [PackedActions.Block] = []
    private let compressor = BlockCompressor()
    private var added: [UInt64] = []
    private var addedPaths: [UInt64] = []
    private var removed: [UInt64] = []
    private var removedPaths: [UInt64] = []
    private var lacksRowIds = false

    init(largestPiece: Int64 = PackedActions.largestPiece) { self.largestPiece = largestPiece }

    func add(_ file: AddFile) {
        added.append(PathHash.hash(file.path, file.deletionVector))
        addedPaths.append(PathHash.hash(file.path))
        lacksRowIds = lacksRowIds || file.baseRowId == nil || file.defaultRowCommitVersion == nil
        var file = file
        file.dataChange = true
        append(.add(file))
    }

    func remove(_ file: RemoveFile) {
        removed.append(PathHash.hash(file.path, file.deletionVector))
        removedPaths.append(PathHash.hash(file.path))
        var file = file
        file.dataChange = true
        append(.remove(file))
    }

    private func append(_ action: Action) {
        var text = JSON.encode(action.json) + "\n"
        text.withUTF8 { lines.append(contentsOf: UnsafeRawBufferPointer($0)) }
        if lines.count >= Self.blockSize { seal() }
    }

    private func seal() {
        guard lines.count > 0 else { return }
        let size = lines.count
        let compressed = lines.withUnsafeMutableBytes { compressor.compress(UnsafeRawBufferPointer($0)) }
        if compressed.isEmpty {
            blocks.append(PackedActions.Block(bytes: lines.take(), size: size, isCompressed: false))
            lines = BytesBuilder(capacity: Self.blockSize)
        } else {
            blocks.append(PackedActions.Block(bytes: compressed, size: size, isCompressed: true))
            lines.removeAll()
        }
    }

    /// The actions; the builder must not be used again. Throws ``DeltaError/invalidRequest(reason:)`` for two actions of one kind on one file (protocol,
    /// "Delta Log Entries").
    func finish() async throws -> PackedActions {
        seal()
        for paths in [\PackedActionsBuilder.addedPaths, \.removedPaths, \.added, \.removed] { self[keyPath: paths].sort() }
        let packed = PackedActions(blocks, largestPiece: largestPiece, added: added, removed: removed, removedPaths: removedPaths, lacksRowIds: lacksRowIds)
        blocks = []
        let twice = Set(addedPaths.repeatedSorted + removedPaths.repeatedSorted)
        if !twice.isEmpty { try await Self.checkFilesOnce(packed, suspects: twice) }
        return packed
    }

    /// Two files may have the same hash.
    private static func checkFilesOnce(_ packed: PackedActions, suspects: Set<UInt64>) async throws {
        var added: Set<DataPath> = []
        var removed: Set<DataPath> = []
        try await packed.forEachBlock { lines in
            var twice: DataPath?
            try CommitReader.forEachAction(lines, version: 0) { action in
                switch action {
                case let .add(file): if suspects.contains(PathHash.hash(file.path)), !added.insert(file.path).inserted { twice = file.path }
                case let .remove(file): if suspects.contains(PathHash.hash(file.path)), !removed.insert(file.path).inserted { twice = file.path }
                default: return
                }
            } info: { _ in
            }
            if let twice { throw DeltaError.invalidRequest(reason: "\(twice) is added or removed twice in one commit") }
        }
    }
}

extension PathHash {
    /// The hash that a ``FileSegment`` has of a file.
    static func hash(_ path: DataPath, _ vector: DeletionVectorDescriptor? = nil) -> UInt64 {
        var (text, id) = (path.encoded, vector?.uniqueID ?? "")
        return text.withUTF8 { text in
            id.withUTF8 { hash(path: UnsafeRawBufferPointer(text), deletionVector: UnsafeRawBufferPointer($0)) }
        }
    }
}

extension [UInt64] {
    /// Whether it has the number; it must be in ascending order.
    func containsSorted(_ number: UInt64) -> Bool {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == number
    }

    /// Numbers that come more than once; it must be in ascending order.
    fileprivate var repeatedSorted: [UInt64] { zip(self, dropFirst()).filter { $0 == $1 }.map(\.0) }
}
