import Base
import ObjectStore

/// A table's first commit, written as its actions come: memory does not grow with their number. Used by one task.
///
/// The schema is known only behind the last file. It stands before the files in the log where these fit into memory, and behind them where not: readers take
/// a commit's actions in any order.
final class FirstCommit {
    static let largestBuffer = 64 << 20
    private static let pieceBytes = 1 << 20

    private let store: any ObjectStore
    private let info: String
    private let txnId: String
    private let buffer: Int
    private var writer: (any ObjectWriter)?
    private var lines = BytesBuilder(capacity: pieceBytes)

    /// - Parameters:
    ///   - info: the `commitInfo` action, which has to be the first.
    ///   - buffer: bytes of files' actions from which on they are written as they come, where the store wins paths so (``ObjectStore/winsPathsInParts``).
    init(store: any ObjectStore, info: JSONValue, txnId: String, buffer: Int = largestBuffer) {
        self.store = store
        self.info = JSON.encode(["commitInfo": info]) + "\n"
        self.txnId = txnId
        self.buffer = buffer
    }

    func add(_ action: Action) async throws {
        append(JSON.encode(action.json) + "\n")
        if writer == nil, lines.count >= buffer, store.winsPathsInParts {
            let writer = try await store.write(try ObjectPath(LogFileName.commitPath(0)))
            self.writer = writer
            try await writer.write(Bytes(info))
            try await flush(to: writer)
        } else if let writer, lines.count >= Self.pieceBytes {
            try await flush(to: writer)
        }
    }

    private func append(_ text: String) {
        var text = text
        text.withUTF8 { lines.append(contentsOf: UnsafeRawBufferPointer($0)) }
    }

    private func flush(to writer: any ObjectWriter) async throws {
        try await writer.write(lines.take())
        lines = BytesBuilder(capacity: Self.pieceBytes)
    }

    /// Ends the commit with what the table is, only where no other is. Throws ``DeltaError/tableExists(location:)``.
    func finish(_ head: [Action]) async throws {
        let headText = head.map { JSON.encode($0.json) + "\n" }.joined()
        let path = try ObjectPath(LogFileName.commitPath(0))
        do {
            if let writer {
                append(headText)
                try await flush(to: writer)
                try await writer.finish()
            } else {
                var whole = BytesBuilder(capacity: lines.count + info.utf8.count + headText.utf8.count)
                var start = info + headText
                start.withUTF8 { whole.append(contentsOf: UnsafeRawBufferPointer($0)) }
                lines.take().withUnsafeBytes { whole.append(contentsOf: $0) }
                try await store.put(path, whole.take(), mode: .ifAbsent)
            }
            writer = nil
        } catch ObjectStoreError.alreadyExists {
            throw DeltaError.tableExists(location: store.rootDescription)
        } catch let failure {
            // A time-out, a broken connection, a cancelled task: the commit may be there all the same.
            let (store, txnId) = (store, txnId)
            let isOurs = await Task { () -> Bool? in
                do { return try await CommitReader.commitInfo(of: path, in: store, version: 0)?.txnId == txnId } catch ObjectStoreError.notFound {
                    return false
                } catch {
                    return nil
                }
            }.value
            guard let isOurs else { throw DeltaError.commitOutcomeUnknown(version: 0, reason: "\(failure)") }
            if !isOurs { throw failure }
            writer = nil
        }
    }

    /// Gives up; nothing can be seen of it.
    func abort() async {
        await writer?.abort()
        writer = nil
    }
}
