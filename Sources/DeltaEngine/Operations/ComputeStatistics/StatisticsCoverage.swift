import Base
import Columnar

/// The columns of a table that each file's statistics are to have.
struct StatisticsCoverage: Sendable {
    /// The top-level columns that have covered ones in them, as files call them.
    let fields: [Field]
    let columns: StatisticsColumns
    /// What else decides on a file's statistics; equal where they come out equal.
    fileprivate let basis: [String]
    /// Paths whose null counts complete statistics have.
    private let counted: [[String]]

    init(_ snapshot: Snapshot) {
        let metadata = snapshot.metadata
        let clustering = snapshot.clusteringColumns.map(\.storedPath)
        let columns = StatisticsColumns(
            dataFields: metadata.dataFields, configuration: metadata.configuration, always: clustering, storedName: metadata.physicalName)
        let leaves = metadata.dataFields.map(metadata.columnMapping.physical).map { ($0, Self.leaves(of: $0, path: [], columns)) }
        fields = leaves.filter { !$1.isEmpty }.map(\.0)
        counted = leaves.flatMap(\.1)
        self.columns = columns
        basis = [metadata.schemaString] + metadata.configuration.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + clustering.flatMap { $0 + [""] }
    }

    private static func leaves(of field: Field, path: [String], _ columns: StatisticsColumns) -> [[String]] {
        let path = path + [field.name]
        switch field.type {
        case .list, .map: return []
        case let .structure(children) where !field.type.isVariant: return children.flatMap { leaves(of: $0, path: path, columns) }
        default: return columns.includes(path) ? [path] : []
        }
    }

    /// Whether statistics say how many rows there are, and of each covered column how many are null.
    func isComplete(_ stats: Bytes?) -> Bool {
        guard let stats, let json = try? JSON.parse(stats), json["numRecords"]?.intValue != nil else { return false }
        return counted.allSatisfy { path in
            var value = json["nullCount"]
            for name in path { value = value?[name] }
            return value?.intValue != nil
        }
    }
}

/// What has been read of files, kept while the commit is tried again.
final class FoundStatistics: Sendable {
    struct Entry: Sendable {
        let text: String
        let rowCount: Int64
        let decodedColumns: Int
    }

    private struct State {
        var basis: [String] = []
        var entries: [DataPath: (size: Int64, entry: Entry)] = [:]
    }

    private let state = Lock(State())

    /// Forgets what was found where that was for other columns.
    func use(for coverage: StatisticsCoverage) {
        state.withLock { state in
            if state.basis != coverage.basis { state = State(basis: coverage.basis) }
        }
    }

    subscript(_ file: FileView) -> Entry? {
        state.withLock { state in
            guard let known = state.entries[file.path], known.size == file.size else { return nil }
            return known.entry
        }
    }

    func add(_ entry: Entry, of file: FileView) { state.withLock { $0.entries[file.path] = (file.size, entry) } }
}
