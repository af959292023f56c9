import Base
import Columnar
import Expressions

/// A condition on a table's rows, as the log can answer it for a file: by partition values and statistics, without a look inside.
public struct FilePredicate: Sendable {
    /// How the log calls a column that the condition is about.
    private enum Place: Sendable {
        /// Its place among the partition columns.
        case partition(key: String, Field)
        /// A column of the data files.
        case data(key: String, DataType)
    }

    private let places: [Place]
    private let condition: ColumnCondition<Int>
    /// What holds of rows of which the condition is not true.
    private let exception: ColumnCondition<Int>

    /// Throws ``DeltaError/invalidRequest(reason:)`` for a condition that is none on this table.
    ///
    /// - Parameter now: what `current_timestamp()` says in it.
    public init(_ condition: String, metadata: TableMetadata, now: Timestamp) throws(DeltaError) {
        do throws(ExpressionError) {
            self.init(try Expression.parse(condition).bindCondition(to: metadata.schema.fields, now: now), metadata: metadata)
        } catch {
            throw .invalidRequest(reason: "the condition cannot be used: \(error)")
        }
    }

    /// - Parameter condition: bound to the fields of the table's schema.
    public init(_ condition: BoundExpression, metadata: TableMetadata) {
        self.condition = condition.implied
        exception = condition.impliedWhereNotTrue
        places = metadata.schema.fields.map { field in
            let key = metadata.physicalName(of: field)
            return metadata.partitionColumns.contains(field.name) ? .partition(key: key, field) : .data(key: key, field.type)
        }
    }

    /// Whether a row of the file may match. False is certain.
    public func mayMatch(_ file: AddFile) -> Bool { mayHold(condition, file) }

    /// As ``mayMatch(_:)-(AddFile)``.
    public func mayMatch(_ file: FileView) -> Bool { mayHold(condition, file) }

    /// Whether every row of the file matches. True is certain.
    public func matchesAll(_ file: AddFile) -> Bool { !mayHold(exception, file) }

    /// As ``matchesAll(_:)-(AddFile)``.
    public func matchesAll(_ file: FileView) -> Bool { !mayHold(exception, file) }

    private func mayHold(_ condition: ColumnCondition<Int>, _ file: AddFile) -> Bool {
        mayHold(condition, stats: file.stats.map { Bytes($0) }) { key in file.partitionValues[key] }
    }

    private func mayHold(_ condition: ColumnCondition<Int>, _ file: FileView) -> Bool {
        mayHold(condition, stats: file.stats) { key in file.partitionKeys.firstIndex { $0.hasSameBytes(as: key) }.map { file.partitionValue($0) } }
    }

    private func mayHold(_ condition: ColumnCondition<Int>, stats: Bytes?, partition: (String) -> String??) -> Bool {
        let statistics = FileStatisticsReader(stats)
        if statistics.rowCount == 0 { return false }
        return holds(condition) { column in
            switch places[column] {
            case let .partition(key, field):
                // An entry that is missing says nothing, nor does a text that is no value of the column's type.
                guard let text = partition(key), Self.isUnambiguous(text, field.type) else { return nil }
                do {
                    return ColumnFacts(constant: try PartitionValue.parse(text, as: field))
                } catch {
                    return nil
                }
            case let .data(key, type): return statistics.facts(key, type)
            }
        }
    }

    /// A moment without a zone is one of the writer's, which nobody knows.
    private static func isUnambiguous(_ text: String?, _ type: DataType) -> Bool {
        guard type == .timestamp, let text else { return true }
        return text.hasSuffix("Z") || text.dropFirst(11).contains { $0 == "+" || $0 == "-" }
    }

    /// Whether the condition may hold, from what is known of each column; nil for a column of which nothing is.
    private func holds(_ condition: ColumnCondition<Int>, _ facts: (Int) -> ColumnFacts?) -> Bool {
        switch condition {
        case .unknown: true
        case let .all(parts): parts.allSatisfy { holds($0, facts) }
        case let .any(parts): parts.contains { holds($0, facts) }
        case let .comparison(column, comparison, value): facts(column)?.mayMatch(comparison, value) ?? true
        case let .oneOf(column, values): facts(column).map { facts in values.contains { facts.mayMatch(.equal, $0) } } ?? true
        case let .isNull(column): facts(column)?.mayBeNull ?? true
        case let .isNotNull(column): facts(column)?.mayBeValue ?? true
        }
    }
}

extension ReadSet {
    /// The rows of a snapshot for which a condition holds: the files that may have some, and any file that is added with some.
    public static func rows(where predicate: FilePredicate, of snapshot: Snapshot) -> ReadSet {
        .matching(files: Set(snapshot.files.lazy.filter { predicate.mayMatch($0) }.map(\.path))) { predicate.mayMatch($0) }
    }
}
