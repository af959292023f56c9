import Base
import Columnar
import Expressions

/// What must be true of every row that is added: the table's CHECK constraints and column invariants (protocol, "CHECK Constraints", "Column Invariants").
struct RowRules: Sendable {
    private struct Rule: Sendable {
        /// As messages name it.
        let name: String
        let condition: BoundExpression
    }

    private let fields: [Field]
    private let rules: [Rule]

    private static let constraintPrefix = "delta.constraints."
    private static let invariantKey = "delta.invariants"

    /// Throws ``DeltaError/unsupportedFeature(feature:access:reason:)`` for a rule that Levee cannot evaluate.
    init(_ snapshot: Snapshot, now: Timestamp) throws(DeltaError) {
        fields = snapshot.schema.fields
        let features = FeatureRegistry.writerFeatures(snapshot.protocol)
        var rules: [Rule] = []
        if features.contains(TableFeature.checkConstraints.name) {
            for (key, text) in snapshot.metadata.configuration.sorted(by: { $0.key < $1.key }) where key.hasPrefix(Self.constraintPrefix) {
                let name = "the CHECK constraint \(key.dropFirst(Self.constraintPrefix.count)) (\(text))"
                rules.append(Rule(name: name, condition: try Self.bind(text, name, .checkConstraints, fields, now)))
            }
        }
        if features.contains(TableFeature.invariants.name) {
            for field in fields {
                if let record = field.metadata[Self.invariantKey] {
                    let text = try Self.expression(record, of: field)
                    let name = "the invariant of column \(field.name) (\(text))"
                    rules.append(Rule(name: name, condition: try Self.bind(text, name, .invariants, fields, now)))
                } else if field.hasMetadata(Self.invariantKey) {
                    throw Self.refusal(.invariants, "a field inside of column \(field.name) has an invariant, which Levee cannot check yet")
                }
            }
        }
        self.rules = rules
    }

    /// Throws ``DeltaError/invalidData(source:reason:)`` for a row of which one of the rules is not true: false or NULL.
    ///
    /// - Parameter batch: rows with all of the table's columns, in its order.
    func check(_ batch: ColumnBatch) throws(DeltaError) {
        for rule in rules {
            for row in 0..<batch.rowCount {
                let holds: Bool
                do throws(ExpressionError) {
                    holds = try rule.condition.matches { batch.columns[$0].value(at: row) }
                } catch {
                    throw .invalidData(source: rule.name, reason: "it cannot be evaluated for a row: \(error)")
                }
                guard holds else {
                    let values = rule.condition.columns.map { place in
                        let value = batch.columns[place].value(at: row).map { ValueText.plain($0, type: fields[place].type) }
                        return "\(fields[place].name) = \(value ?? "NULL")"
                    }
                    throw .invalidData(source: rule.name, reason: "a row violates it: \(values.joined(separator: ", "))")
                }
            }
        }
    }

    /// `{"expression": {"expression": "x > 3"}}`, as a text.
    private static func expression(_ record: JSONValue, of field: Field) throws(DeltaError) -> String {
        let parsed = record.stringValue.flatMap { try? JSON.parse($0) } ?? record
        guard let text = parsed["expression"]?["expression"]?.stringValue else {
            throw refusal(.invariants, "the invariant of column \(field.name) is not written as the protocol says")
        }
        return text
    }

    private static func bind(
        _ text: String, _ name: String, _ feature: TableFeature, _ fields: [Field], _ now: Timestamp
    ) throws(DeltaError) -> BoundExpression {
        do throws(ExpressionError) {
            return try Expression.parse(text).bindCondition(to: fields, now: now)
        } catch {
            throw refusal(feature, "\(name) cannot be checked: \(error)")
        }
    }

    private static func refusal(_ feature: TableFeature, _ reason: String) -> DeltaError {
        .unsupportedFeature(feature: feature.name, access: .append, reason: reason)
    }
}
