import Base

/// What a worker is asked to do: one operation on one table. The operator writes it into the pod's arguments as JSON; it holds no credential.
public struct WorkerTask: Codable, Hashable, Sendable {
    /// The TableOperation (of a probe: the StorageProfile) that the work belongs to. Its uid stands in the commit, so that a result that was lost with its
    /// pod can be found again.
    public var operation: OperationIdentity
    /// The table's directory (of a probe: the profile's root) as a URL, as the worker sees it.
    public var location: String
    /// How the store of the location is reached; nil for a file system.
    public var storage: Storage?
    /// The directory that the storage covers, as a URL as the worker sees it: whatever else a task or a table's log names must lie below it. nil: nothing
    /// besides the location's directory is opened.
    public var root: String?
    public var work: Work
    /// Recorded in the table with the commit; a table that has it, or a later version, needs nothing done.
    public var transaction: TransactionIdentity?
    /// Refuse when the table is at another version.
    public var expectedVersion: Int64?
    /// Say what would be done, change nothing.
    public var dryRun: Bool
    /// Read all rows of old and new files before the commit, and compare them.
    public var verifiesRows: Bool
    /// The most memory the engine may use, in bytes; nil: what the machine or its cgroup allows.
    public var memoryLimit: Int64?

    public init(
        operation: OperationIdentity, location: String, storage: Storage? = nil, root: String? = nil, work: any TaskWork,
        transaction: TransactionIdentity? = nil,
        expectedVersion: Int64? = nil,
        dryRun: Bool = false, verifiesRows: Bool = false, memoryLimit: Int64? = nil
    ) {
        self.operation = operation
        self.location = location
        self.storage = storage
        self.root = root
        self.work = Work(work)
        self.transaction = transaction
        self.expectedVersion = expectedVersion
        self.dryRun = dryRun
        self.verifiesRows = verifiesRows
        self.memoryLimit = memoryLimit
    }

    /// The TableOperation.
    public struct OperationIdentity: Codable, Hashable, Sendable {
        public var uid: String
        public var namespace: String
        public var name: String

        public init(uid: String, namespace: String, name: String) {
            self.uid = uid
            self.namespace = namespace
            self.name = name
        }
    }

    /// How an object store is reached. Holds no credential: those are mounted, or the pod's own identity.
    public struct Storage: Codable, Hashable, Sendable {
        /// By deltalake's names.
        public var options: [String: String]
        /// Whether the identity that the pod has counts; else only what is mounted.
        public var usesPodIdentity: Bool
        /// Commit nothing where the table's recent history shows an engine that is not known to use conditional puts; see ``CommittingEngine``.
        public var refusesUnsafeWriters: Bool

        public init(options: [String: String], usesPodIdentity: Bool, refusesUnsafeWriters: Bool) {
            self.options = options
            self.usesPodIdentity = usesPodIdentity
            self.refusesUnsafeWriters = refusesUnsafeWriters
        }
    }

    /// Delta's transaction identifier.
    public struct TransactionIdentity: Codable, Hashable, Sendable {
        public var appId: String
        public var version: Int64

        public init(appId: String, version: Int64) {
            self.appId = appId
            self.version = version
        }
    }
}

extension WorkerTask {
    /// Throws ``WorkerError/badTask(reason:)``.
    public init(json: Bytes) throws(WorkerError) {
        do { self = try JSON.decode(WorkerTask.self, from: json) } catch {
            throw .badTask(reason: "\(error)")
        }
    }

    /// Compact JSON.
    public func json() throws -> String { JSON.encode(try JSON.value(of: self)) }
}
