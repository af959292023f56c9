import Base

/// Writes a checkpoint of the table's latest version, unless it has one.
public struct CheckpointOperation: Sendable {
    public let table: DeltaTable

    public init(table: DeltaTable) { self.table = table }

    public struct Result: Sendable, Hashable {
        public let version: Int64
        /// False where the version had a checkpoint already.
        public let written: Bool
    }

    public func run() async throws -> Result {
        let snapshot = try await table.snapshot()
        if snapshot.segment.checkpoint?.version == snapshot.version { return Result(version: snapshot.version, written: false) }
        let written = try await Checkpoint(table: table, snapshot: snapshot).write()
        do {
            try await LogCleanup(table: table, snapshot: snapshot).run()
        } catch {
            table.environment.logger.warning("the log could not be cleaned up", ["table": table.location, "error": "\(error)"])
        }
        return Result(version: snapshot.version, written: written != nil)
    }
}
