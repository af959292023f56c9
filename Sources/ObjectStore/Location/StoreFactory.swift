import Base

/// Opens the store that a location's scheme asks for.
public struct StoreFactory: Sendable {
    private let executor: BlockingExecutor

    /// - Parameter executor: runs the blocking calls of the stores that have them.
    public init(executor: BlockingExecutor) { self.executor = executor }

    /// A store whose root is the location. Does not look whether anything is there.
    public func open(_ location: TableLocation) throws(ObjectStoreError) -> any ObjectStore {
        switch location.scheme {
        case .file: LocalStore(root: location.path, executor: executor)
        }
    }
}
