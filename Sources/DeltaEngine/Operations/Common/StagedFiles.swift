import Base
import ObjectStore

/// The data files that an operation has written and not yet committed: nobody sees them, and they go when the operation does not get to its commit.
final class StagedFiles: Sendable {
    private let store: any ObjectStore
    private let logger: Logger
    private let paths = Lock<[ObjectPath]>([])
    private let verification = Lock<Verification.Staged?>(nil)

    init(store: any ObjectStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Takes note of a file that is about to be written. Before, not after: a writer that fails half-way may leave something. One under a name that others may
    /// use too only after, once it is known to be ours; what lies there otherwise the next vacuum takes.
    func add(_ path: ObjectPath) {
        paths.withLock { $0.append(path) }
    }

    /// What has been read back and found right so far; nil without any file.
    var verified: Verification.Staged? { verification.withLock { $0 } }

    /// Takes note of a file that is in the store as it was meant to be.
    func verified(rows: Int64, bytes: Int64) {
        verification.withLock { verification in
            var staged = verification ?? .init(files: 0, rows: 0, bytes: 0)
            staged.files += 1
            // Footers and sizes of files that others wrote may say anything.
            staged.rows = staged.rows.saturatingAdding(rows)
            staged.bytes = staged.bytes.saturatingAdding(bytes)
            verification = staged
        }
    }

    /// Takes note of rows that were found to be those of the files that they come from.
    func compared(_ rows: Int64) {
        verification.withLock { verification in
            var staged = verification ?? .init(files: 0, rows: 0, bytes: 0)
            staged.comparedRows = (staged.comparedRows ?? 0) + rows
            verification = staged
        }
    }

    /// Takes note of rows that were read, of files that stay what they are.
    func read(_ rows: Int64) {
        verification.withLock { verification in
            var staged = verification ?? .init(files: 0, rows: 0, bytes: 0)
            staged.readRows = (staged.readRows ?? 0) + rows
            verification = staged
        }
    }

    /// Removes all of them. Never throws: another error is on its way, and what stays is an orphan that vacuum takes.
    ///
    /// Runs in a task of its own, since the operation's may be cancelled, in which no call to a store would get through.
    func discard() async {
        let staged = paths.withLock { paths in
            defer { paths = [] }
            return paths
        }
        guard !staged.isEmpty else { return }
        await Task { [store, logger] in
            do {
                for (path, error) in try await store.delete(staged) {
                    logger.warning("could not remove a staged file; the next vacuum will", ["path": path, "error": error])
                }
            } catch {
                logger.warning("could not remove staged files; the next vacuum will", ["files": staged.count, "error": "\(error)"])
            }
        }.value
    }

    /// Whether the files are to be kept although the operation failed: where a commit is in the log, or nobody knows if it is, it may refer to them.
    static func mayBeCommitted(after error: any Error) -> Bool {
        switch error {
        case DeltaError.commitOutcomeUnknown, DeltaError.commitNotAsMeant: true
        default: false
        }
    }
}
