import Base
import Columnar
import Expressions

/// A condition on partition columns, answered from the log alone.
struct PartitionFilter: Sendable {
    private let fields: [Field]
    private let condition: BoundExpression?

    /// Throws ``DeltaError/invalidRequest(reason:)`` for a condition that is none, or that needs to look into files.
    init(_ condition: String?, metadata: TableMetadata, now: Timestamp) throws(DeltaError) {
        fields = metadata.partitionFields
        guard let condition else {
            self.condition = nil
            return
        }
        do throws(ExpressionError) {
            let expression = try Expression.parse(condition)
            let all = metadata.schema.fields
            let used = try expression.bindCondition(to: all, now: now).columns.map { all[$0].name }
            if let other = used.first(where: { name in !metadata.partitionColumns.contains(name) }) {
                let columns = metadata.partitionColumns.isEmpty ? "it has none" : "these are \(metadata.partitionColumns.joined(separator: ", "))"
                throw .binding(source: condition, position: 0, message: "\(other) is no partition column of the table (\(columns))")
            }
            self.condition = try expression.bindCondition(to: fields, now: now)
        } catch {
            throw .invalidRequest(reason: "the condition cannot be used: \(error)")
        }
    }

    /// Whether files of a partition are meant; `values` in the order of the table's partition columns, as the log has them.
    func matches(_ values: [String?]) throws(DeltaError) -> Bool {
        guard let condition else { return true }
        var row: [Scalar?] = []
        for (field, value) in zip(fields, values) { row.append(try PartitionValue.parse(value, as: field)) }
        do throws(ExpressionError) {
            return try condition.matches { row[$0] }
        } catch {
            throw .invalidRequest(reason: "the condition cannot be evaluated: \(error)")
        }
    }
}
