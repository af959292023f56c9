import Base
import ObjectStore

/// Writes a compacted file: the reconciled actions of a run of commits (protocol, "Log Compaction Files" and "Action Reconciliation"), each as the line that
/// the newest commit has for it, byte for byte.
///
/// Newest commit first, one in memory at a time. Of what came by only hashes are kept: 16 bytes an action, of which two would have to agree by chance for one
/// to be taken for the other, and then the check of the file finds out.
struct CommitCompactor {
    private struct Key: Hashable {
        let low: Int
        let high: Int

        init(_ parts: String...) {
            var hashers = (Hasher(), Hasher())
            hashers.1.combine(1)
            for part in parts {
                part.hashBytes(into: &hashers.0)
                part.hashBytes(into: &hashers.1)
            }
            (low, high) = (hashers.0.finalize(), hashers.1.finalize())
        }
    }

    private static let pieceBytes = 1 << 20

    private let store: any ObjectStore
    private var seen: Set<Key> = []
    private(set) var actions: Int64 = 0
    private(set) var sizeInBytes: Int64 = 0

    init(store: any ObjectStore) { self.store = store }

    /// Throws what ``CommitReader`` throws, ``DeltaError/missingCommit(version:)``, and ``ObjectStoreError/alreadyExists(path:)`` where the file is there.
    mutating func write(_ commits: [LogFile], to path: ObjectPath, afterCommit: (Int) -> Void) async throws {
        let writer = try await store.write(path)
        do {
            var buffer: [UInt8] = []
            for (done, commit) in commits.reversed().enumerated() {
                try Task.checkCancellation()
                let bytes: Bytes
                do { bytes = try await store.get(commit.path) } catch ObjectStoreError.notFound {
                    throw DeltaError.missingCommit(version: commit.version)
                }
                try take(bytes, version: commit.version, into: &buffer)
                if buffer.count >= Self.pieceBytes {
                    try await flush(&buffer, writer)
                }
                afterCommit(done + 1)
            }
            try await flush(&buffer, writer)
            FaultPoint.hit("compactLog.beforeFinish")
            try await writer.finish()
        } catch {
            await writer.abort()
            throw error
        }
    }

    private mutating func flush(_ buffer: inout [UInt8], _ writer: any ObjectWriter) async throws {
        guard !buffer.isEmpty else { return }
        sizeInBytes += Int64(buffer.count)
        try await writer.write(Bytes(buffer))
        buffer.removeAll(keepingCapacity: true)
    }

    /// Appends the lines of a commit that no newer one has spoken over.
    private mutating func take(_ commit: Bytes, version: Int64, into buffer: inout [UInt8]) throws {
        var lines: [(line: Bytes, action: Action)] = []
        try CommitReader.forEachLine(commit) { line, number in
            do {
                if let action = try ActionDecoding.action(try JSON.parse(line)) { lines.append((line, action)) }
            } catch let error as JSONError {
                throw DeltaError.corruptCommit(version: version, line: number, reason: error.description)
            } catch let error as ActionDecoding.Failure {
                throw DeltaError.corruptCommit(version: version, line: number, reason: error.reason)
            }
        }
        // A commit must not add and remove one logical file; where one does, the file stays: adds come first.
        for (line, action) in lines.filter(\.action.isAdd) + lines.filter({ !$0.action.isAdd }) {
            guard let key = Self.key(action), seen.insert(key).inserted else { continue }
            line.withUnsafeBytes { buffer.append(contentsOf: $0) }
            buffer.append(UInt8(ascii: "\n"))
            actions += 1
        }
    }

    /// What an action is the newest word on; nil for one that is no part of the table's state.
    private static func key(_ action: Action) -> Key? {
        switch action {
        case let .add(file): Key("file", file.path.decoded, file.deletionVector?.uniqueID ?? "")
        case let .remove(file): Key("file", file.path.decoded, file.deletionVector?.uniqueID ?? "")
        case .metadata: Key("metaData")
        case .protocol: Key("protocol")
        case let .transaction(transaction): Key("txn", transaction.appId)
        case let .domainMetadata(domain): Key("domainMetadata", domain.domain)
        case .changeData: nil
        }
    }
}

extension Action {
    fileprivate var isAdd: Bool { if case .add = self { true } else { false } }
}
