import Base

/// What the engine takes from outside: time, chance, a place for its log records, and how much of the machine it may use.
public struct EngineEnvironment: Sendable {
    public var clock: any WallClock
    public var random: any RandomSource
    public var logger: Logger
    /// How many pieces of work run at once.
    public var parallelism: Int
    /// What an operation may hold in memory, in bytes.
    public var memoryBudget: Int64
    /// A directory of the local disk for rows that do not fit into ``memoryBudget``.
    public var scratchDirectory: String
    /// `engineInfo` of commits, and the start of `created_by` of Parquet files.
    public var engineInfo: String
    /// Most attempts at one commit before ``DeltaError/tooManyAttempts(version:attempts:)``.
    public var maximumCommitAttempts: Int
    /// What may be opened of the files that tables' logs name outside of the tables' own directories.
    public var outside: OutsideStores

    public init(
        clock: any WallClock = SystemClock(), random: any RandomSource = SystemRandomSource(), logger: Logger = .none, parallelism: Int = 2,
        memoryBudget: Int64 = 512 << 20, engineInfo: String = "Levee/0.1.0", maximumCommitAttempts: Int = 200,
        scratchDirectory: String = environmentVariable("TMPDIR") ?? "/tmp", outside: OutsideStores = .none
    ) {
        self.clock = clock
        self.random = random
        self.logger = logger
        self.parallelism = max(1, parallelism)
        self.memoryBudget = memoryBudget
        self.engineInfo = engineInfo
        self.scratchDirectory = scratchDirectory
        self.maximumCommitAttempts = max(1, maximumCommitAttempts)
        self.outside = outside
    }
}

extension EngineEnvironment {
    /// ``engineInfo`` as Parquet footers name their writer: `levee version 0.1.0 (build 0)`; readers parse it for known bugs.
    var parquetCreatedBy: String {
        let parts = engineInfo.split(separator: "/", maxSplits: 1)
        return "\((parts.first ?? "levee").lowercased()) version \(parts.count > 1 ? parts[1] : "0") (build 0)"
    }
}
