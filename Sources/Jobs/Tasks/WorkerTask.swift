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
    public var work: Work
    /// Recorded in the table with the commit; a table that has it, or a later version, needs nothing done.
    public var transaction: TransactionIdentity?
    /// Refuse when the table is at another version.
    public var expectedVersion: Int64?
    /// Say what would be done, change nothing.
    public var dryRun: Bool
    /// The most memory the engine may use, in bytes; nil: what the machine or its cgroup allows.
    public var memoryLimit: Int64?

    public init(
        operation: OperationIdentity, location: String, storage: Storage? = nil, work: Work, transaction: TransactionIdentity? = nil,
        expectedVersion: Int64? = nil,
        dryRun: Bool = false, memoryLimit: Int64? = nil
    ) {
        self.operation = operation
        self.location = location
        self.storage = storage
        self.work = work
        self.transaction = transaction
        self.expectedVersion = expectedVersion
        self.dryRun = dryRun
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

    /// The operation's own parameters; exactly one member of the JSON object.
    public enum Work: Codable, Hashable, Sendable {
        case optimize(Optimize)
        case vacuum(Vacuum)
        case checkpoint(Checkpoint)
        case delete(Delete)
        case restore(Restore)
        case reorg(Reorg)
        case repair(Repair)
        /// Not of a table: whether a StorageProfile's storage can be used.
        case probe(Probe)
    }

    public struct Optimize: Codable, Hashable, Sendable {
        /// In bytes; nil: the table's own, or the engine's default.
        public var targetFileSize: Int64?
        /// A Spark SQL condition on partition columns.
        public var condition: String?
        /// The most bytes of files to rewrite.
        public var maximumBytes: Int64?

        public init(targetFileSize: Int64? = nil, condition: String? = nil, maximumBytes: Int64? = nil) {
            self.targetFileSize = targetFileSize
            self.condition = condition
            self.maximumBytes = maximumBytes
        }
    }

    public struct Vacuum: Codable, Hashable, Sendable {
        /// In seconds; nil: the table's own, or Delta's default of a week.
        public var retentionSeconds: Int64?
        public var allowShortRetention: Bool
        /// Go by the log, list nothing.
        public var lite: Bool
        public var maximumDeletesPerSecond: Int?

        public init(retentionSeconds: Int64? = nil, allowShortRetention: Bool = false, lite: Bool = false, maximumDeletesPerSecond: Int? = nil) {
            self.retentionSeconds = retentionSeconds
            self.allowShortRetention = allowShortRetention
            self.lite = lite
            self.maximumDeletesPerSecond = maximumDeletesPerSecond
        }
    }

    public struct Checkpoint: Codable, Hashable, Sendable {
        public init() {}
    }

    public struct Delete: Codable, Hashable, Sendable {
        /// A Spark SQL condition: the rows that it is true of go.
        public var condition: String

        public init(condition: String) { self.condition = condition }
    }

    public struct Reorg: Codable, Hashable, Sendable {
        /// A Spark SQL condition on partition columns.
        public var condition: String?
        /// The most bytes of files to rewrite.
        public var maximumBytes: Int64?

        public init(condition: String? = nil, maximumBytes: Int64? = nil) {
            self.condition = condition
            self.maximumBytes = maximumBytes
        }
    }

    public struct Repair: Codable, Hashable, Sendable {
        /// `keep`, `remove-file` or `restore-rows`.
        public var lostVectors: String
        public var allowManyMissing: Bool

        public init(lostVectors: String = "keep", allowManyMissing: Bool = false) {
            self.lostVectors = lostVectors
            self.allowManyMissing = allowManyMissing
        }
    }

    /// To a version or a time; exactly one of them.
    public struct Restore: Codable, Hashable, Sendable {
        public var version: Int64?
        public var timestamp: Timestamp?
        public var allowMissing: Bool

        public init(version: Int64? = nil, timestamp: Timestamp? = nil, allowMissing: Bool = false) {
            self.version = version
            self.timestamp = timestamp
            self.allowMissing = allowMissing
        }
    }
}

extension WorkerTask {
    public struct Probe: Codable, Hashable, Sendable {
        /// Of the object that is written and removed below `_levee/probe`.
        public var name: String

        public init(name: String) { self.name = name }
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

extension WorkerTask.Work {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case optimize, vacuum, checkpoint, delete, restore, reorg, repair, probe
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let named = CodingKeys.allCases.filter { values.contains($0) }
        guard named.count == 1, let key = named.first else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath,
                    debugDescription: "must have exactly one of optimize, vacuum, checkpoint, delete, restore, reorg, repair and probe"))
        }
        switch key {
        case .optimize: self = .optimize(try values.decode(WorkerTask.Optimize.self, forKey: key))
        case .vacuum: self = .vacuum(try values.decode(WorkerTask.Vacuum.self, forKey: key))
        case .checkpoint: self = .checkpoint(try values.decode(WorkerTask.Checkpoint.self, forKey: key))
        case .delete: self = .delete(try values.decode(WorkerTask.Delete.self, forKey: key))
        case .restore: self = .restore(try values.decode(WorkerTask.Restore.self, forKey: key))
        case .reorg: self = .reorg(try values.decode(WorkerTask.Reorg.self, forKey: key))
        case .repair: self = .repair(try values.decode(WorkerTask.Repair.self, forKey: key))
        case .probe: self = .probe(try values.decode(WorkerTask.Probe.self, forKey: key))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case let .optimize(work): try values.encode(work, forKey: .optimize)
        case let .vacuum(work): try values.encode(work, forKey: .vacuum)
        case let .checkpoint(work): try values.encode(work, forKey: .checkpoint)
        case let .delete(work): try values.encode(work, forKey: .delete)
        case let .restore(work): try values.encode(work, forKey: .restore)
        case let .reorg(work): try values.encode(work, forKey: .reorg)
        case let .repair(work): try values.encode(work, forKey: .repair)
        case let .probe(work): try values.encode(work, forKey: .probe)
        }
    }
}
