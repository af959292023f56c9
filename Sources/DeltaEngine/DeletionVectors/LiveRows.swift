/// Which rows of a data file somebody wants.
enum LiveRows: Sendable {
    case all
    /// Those that a deletion vector leaves.
    case without(DeletedRows)
    /// Those that a deletion vector takes away: the change feed shows them as deleted.
    case only(DeletedRows)

    /// The rows that a file's vector leaves; all where it has none. Throws what ``DeletionVectorReader/read(_:)`` throws.
    static func without(_ descriptor: DeletionVectorDescriptor?, in files: TableFiles) async throws -> LiveRows {
        guard let descriptor else { return .all }
        return .without(try await DeletionVectorReader(files: files).read(descriptor))
    }

    var vector: DeletedRows? {
        switch self {
        case .all: nil
        case let .without(rows), let .only(rows): rows
        }
    }

    /// How many rows of the range are wanted.
    func count(in range: Range<Int64>) -> Int64 {
        switch self {
        case .all: Int64(range.count)
        case let .without(rows): Int64(range.count) - rows.count(in: range)
        case let .only(rows): rows.count(in: range)
        }
    }

    /// The rows of the range that are wanted, counted from its start; nil where all are. The range must be of less than 2^31 rows.
    func kept(in range: Range<Int64>) -> [Int32]? {
        switch self {
        case .all: nil
        case let .without(rows): rows.kept(in: range)
        case let .only(rows): rows.rows(in: range)
        }
    }
}
