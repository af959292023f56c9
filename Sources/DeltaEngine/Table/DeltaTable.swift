import Base
import ObjectStore
import Parquet

/// A Delta table in a store whose root is the table's root. Cheap to make; nothing is read before it is asked for.
public final class DeltaTable: Sendable {
    public let store: any ObjectStore
    public let environment: EngineEnvironment
    /// Where the files are that the log names.
    public let files: TableFiles

    public init(store: any ObjectStore, environment: EngineEnvironment = EngineEnvironment()) {
        self.store = store
        self.environment = environment
        files = TableFiles(store, outside: environment.outside)
    }

    /// Where the table is, for messages.
    public var location: String { store.rootDescription }

    private var loader: SnapshotLoader { SnapshotLoader(store: store, environment: environment) }

    /// The table as it is, or as it was at a version.
    ///
    /// Throws ``DeltaError/notATable(location:)``, ``DeltaError/versionNotAvailable(version:available:)``, the refusals of the feature registry for
    /// tables that Levee cannot read, and what is wrong with a damaged log.
    public func snapshot(version: Int64? = nil) async throws -> Snapshot {
        try await DeltaError.wrapping { try await loader.load(version: version) }
    }

    /// The table as it is now, from a snapshot of it: only newer commits are read. The same snapshot where there are none.
    public func refresh(_ snapshot: Snapshot) async throws -> Snapshot {
        try await DeltaError.wrapping { try await loader.refresh(snapshot) }
    }

    /// The table at a version, from a snapshot that is older where there is one: only the commits between are read.
    func snapshot(after older: Snapshot?, version: Int64) async throws -> Snapshot {
        guard let older else { return try await snapshot(version: version) }
        return try await DeltaError.wrapping { try await loader.refresh(older, to: version) }
    }

    /// Whether there is a log with a commit or a checkpoint.
    public func exists() async throws -> Bool {
        try await DeltaError.wrapping { try await !LogListing.load(store, from: 0).isEmpty }
    }

    /// The newest version. Lists, reads no commit.
    public func latestVersion() async throws -> Int64 {
        try await DeltaError.wrapping { try await LogSegment.find(store, version: nil).version }
    }

    /// The newest commits first, at most `limit`, from `version` (or the latest) backwards as far as the log goes.
    public func history(limit: Int, from version: Int64? = nil) async throws -> [CommitRecord] {
        try await DeltaError.wrapping { try await History(store: store, environment: environment).records(limit: limit, from: version) }
    }
}

extension DeltaError {
    /// Runs `body`, errors of the layers below that escape it as ``DeltaError/storage(_:)`` and ``DeltaError/parquet(_:)``.
    static func wrapping<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as ObjectStoreError {
            throw DeltaError.storage(error)
        } catch let error as ParquetError {
            throw DeltaError.parquet(error)
        }
    }
}
