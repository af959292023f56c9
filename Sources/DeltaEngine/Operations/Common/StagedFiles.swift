import Base
import ObjectStore

/// The data files that an operation has written and not yet committed: nobody sees them, and they go when the operation does not get to its commit.
final class StagedFiles: Sendable {
    private let store: any ObjectStore
    private let logger: Logger
    private let paths = Lock<[ObjectPath]>([])

    init(store: any ObjectStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// Takes note of a file that is about to be written. Before, not after: a writer that fails half-way may leave something.
    func add(_ path: ObjectPath) {
        paths.withLock { $0.append(path) }
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

    /// Whether the files are to be kept although the operation failed: where nobody knows if the commit is in the log, it may refer to them.
    static func mayBeCommitted(after error: any Error) -> Bool {
        if case DeltaError.commitOutcomeUnknown = error { true } else { false }
    }
}
