/// What an operation looked at to be sure of its result: the new files before the commit, the table after it.
public struct Verification: Sendable, Hashable, Codable {
    /// nil where the operation writes no data files.
    public var staged: Staged?
    /// nil where nothing was committed, or where the table could not be read right after the commit.
    public var table: Table?

    public init(staged: Staged? = nil, table: Table? = nil) {
        self.staged = staged
        self.table = table
    }

    /// Takes a later commit of the same run into account.
    mutating func add(_ later: Verification) {
        table = later.table ?? table
        guard let more = later.staged else { return }
        guard let before = staged else {
            staged = more
            return
        }
        func sum(_ rows: KeyPath<Staged, Int64?>) -> Int64? {
            before[keyPath: rows] == nil && more[keyPath: rows] == nil ? nil : (before[keyPath: rows] ?? 0) + (more[keyPath: rows] ?? 0)
        }
        staged = Staged(
            files: before.files + more.files, rows: before.rows + more.rows, bytes: before.bytes + more.bytes, comparedRows: sum(\.comparedRows),
            readRows: sum(\.readRows))
    }

    /// Data files that the commit brings into the table, each read back from the store before it: its size, its footer, its number of rows.
    public struct Staged: Sendable, Hashable, Codable {
        public var files: Int64
        public var rows: Int64
        public var bytes: Int64
        /// How many rows of old and new files were compared with each other, value by value; nil where that was not asked for.
        public var comparedRows: Int64?
        /// How many rows were read, of files that stay what they are, so that there is nothing to compare them with; nil where that was not asked for.
        public var readRows: Int64?

        public init(files: Int64, rows: Int64, bytes: Int64, comparedRows: Int64? = nil, readRows: Int64? = nil) {
            self.files = files
            self.rows = rows
            self.bytes = bytes
            self.comparedRows = comparedRows
            self.readRows = readRows
        }
    }

    /// The table as its log has it at the version that was committed.
    public struct Table: Sendable, Hashable, Codable {
        public var version: Int64
        public var files: Int64
        /// Of all files, without those that deletion vectors take away; nil where a file's statistics do not say.
        public var rows: Int64?
        /// Files that the commit added and that were looked up in the store: all, or of a large commit a sample; none of which only what the log says changed.
        public var filesFound: Int64

        public init(version: Int64, files: Int64, rows: Int64?, filesFound: Int64) {
            self.version = version
            self.files = files
            self.rows = rows
            self.filesFound = filesFound
        }
    }
}
