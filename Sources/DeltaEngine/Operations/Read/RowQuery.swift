import Base
import Columnar
import Expressions
import Parquet

/// Which of the columns and rows that there are somebody asked for.
struct RowQuery: Sendable {
    /// What has to be read: the columns asked for, then those that only the condition needs.
    let needed: [Field]
    /// The columns asked for.
    let schema: Schema
    private let condition: BoundExpression?
    private var rowsLeft: Int64

    /// Throws ``DeltaError/invalidRequest(reason:)`` for columns and conditions that are none of the table's.
    ///
    /// - Parameters:
    ///   - isAnswered: whether the condition, which uses these columns, has been answered some other way.
    init(
        _ options: ReadOptions, over all: [Field], now: Timestamp, isAnswered: (_ used: [Field], _ condition: String) -> Bool = { _, _ in false }
    ) throws(DeltaError) {
        var needed: [Field] = []
        if let names = options.columns {
            for name in names {
                guard let place = ColumnAdapter.match(name, in: all) else {
                    throw .invalidRequest(reason: "the table has no column \(name); it has \(all.map(\.name).joined(separator: ", "))")
                }
                needed.append(all[place])
            }
        } else {
            needed = all
        }
        schema = Schema(needed)
        rowsLeft = options.limit ?? .max
        var bound: BoundExpression?
        if let text = options.condition {
            do throws(ExpressionError) {
                let expression = try Expression.parse(text)
                let used = try expression.bindCondition(to: all, now: now).columns.map { all[$0] }
                if !isAnswered(used, text) {
                    for field in used where !needed.contains(where: { $0.name == field.name }) { needed.append(field) }
                    bound = try expression.bindCondition(to: needed, now: now)
                }
            } catch {
                throw .invalidRequest(reason: "the condition cannot be used: \(error)")
            }
        }
        self.needed = needed
        condition = bound
    }

    /// The condition as a file's bounds can answer it; as the columns of one value alone do, where the file is not open yet.
    ///
    /// - Parameter constants: by name; a column that is not here is the file's.
    func rowCondition(_ file: DataFile?, constants: [String: Scalar?]) -> RowCondition {
        guard let condition else { return .unknown }
        let places = needed.map { field in
            if let value = constants[field.name] { return FileCondition.Place.constant(value) }
            return file.flatMap { file in file.fields.firstIndex { $0.name == field.name }.map(file.place) } ?? .unknown
        }
        return FileCondition(places: places).rows(condition.implied)
    }

    /// Whether as many rows have been taken as were asked for.
    var isSatisfied: Bool { rowsLeft <= 0 }

    /// The rows of a batch of ``needed`` that were asked for, as far as the limit goes.
    mutating func take(_ batch: ColumnBatch) throws -> ColumnBatch {
        let kept = try select(batch)
        let cut = kept.slice(0..<Int(min(Int64(kept.rowCount), rowsLeft)))
        rowsLeft -= Int64(cut.rowCount)
        return cut
    }

    /// Which rows of a batch of ``needed`` the condition is true of; nil where there is none.
    func matchingRows(of batch: ColumnBatch) throws(DeltaError) -> [Int]? {
        guard let condition else { return nil }
        do throws(ExpressionError) {
            return try condition.matchingRows(of: batch)
        } catch {
            throw .invalidRequest(reason: "the condition cannot be evaluated: \(error)")
        }
    }

    /// The rows for which the condition holds, of the columns asked for.
    private func select(_ batch: ColumnBatch) throws -> ColumnBatch {
        let output = batch.selecting(Array(schema.fields.indices))
        guard let rows = try matchingRows(of: batch).map({ $0.map { Int32($0) } }) else { return output }
        if rows.count == batch.rowCount { return output }
        var columns: [Column] = []
        for column in output.columns { columns.append(try column.gathering(rows)) }
        return try ColumnBatch(schema: schema, columns: columns, rowCount: rows.count)
    }
}
