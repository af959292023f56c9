import Base

/// What the operator learns of tables, from their logs alone. The seam at which tests put tables of their own.
protocol TableObserving: Sendable {
    /// The table as it is now; only what is new in its log is read. Throws what the engine throws.
    func observe(_ place: TablePlace, _ request: ObservationRequest) async throws -> TableObservation
    /// Its latest version. Throws what the engine throws.
    func version(_ place: TablePlace) async throws -> Int64
    /// How far an application has got in the table's own record; nil where it has none.
    func transactionVersion(_ place: TablePlace, appId: String) async throws -> Int64?
    /// The commit that carries an operation's uid, among the latest; nil where there is none.
    func commit(_ place: TablePlace, ofOperation uid: String) async throws -> OperationCommit?
    /// The latest commit, of those that count, of an engine that may overwrite others' commits; nil where there is none, or where storage rules that out.
    func unsafeWriter(_ place: TablePlace) async throws -> DeltaTableStatus.UnsafeWriter?
    /// Drops what is kept of a table.
    func forget(_ place: TablePlace)
}

/// What the figures of a table's layout are to be for.
struct ObservationRequest: Hashable, Sendable {
    /// nil: the table's own, else the engine's default.
    var targetFileSize: Int64?
    /// The optimizing policy's condition on partitions.
    var condition: String?
    /// Columns that the optimizing policy sorts rows by.
    var zOrderBy: [String] = []
}

/// What is known of a table at one version.
struct TableObservation: Hashable, Sendable {
    var table: DeltaTableStatus.Table
    var layout: DeltaTableStatus.Layout
    var history: [DeltaTableStatus.Commit]
    /// See ``TableObserving/unsafeWriter(_:)``.
    var unsafeWriter: DeltaTableStatus.UnsafeWriter?
    var health: TableHealth.Facts
    /// All but what other objects know: suspension and the active operation.
    var facts: TableFacts
}

/// What an operation committed, as its commit tells.
struct OperationCommit: Hashable, Sendable {
    var version: Int64
    /// By Delta's own names; of a clone its `sourceVersion` as well.
    var metrics: [String: Int64]
}
