import Columnar
import Parquet

/// One schema for many files: columns by name, in the order in which they first come up.
struct SchemaUnion: Sendable {
    private(set) var fields: [Field] = []
    /// The file that a column, by its path, was first seen in.
    private var origins: [String: String] = [:]
    private var last: [Field]?

    /// Throws ``DeltaError/invalidRequest(reason:)`` naming both files where a column is of two types that no table can hold.
    mutating func add(_ file: [Field], of path: String) throws(DeltaError) {
        // Mostly all files are alike.
        if last == file { return }
        last = file
        fields = try merge(fields, file, path, below: "")
    }

    private mutating func merge(_ known: [Field], _ new: [Field], _ file: String, below parent: String) throws(DeltaError) -> [Field] {
        var merged = known
        var seen: Set<String> = []
        for field in new {
            let name = parent + field.name
            guard seen.insert(field.name.lowercased()).inserted else {
                throw .invalidRequest(reason: "\(file) has two columns \(name) but for upper and lower case, which Delta does not tell apart; rename one")
            }
            var field = field
            field.nullable = true
            guard let place = merged.firstIndex(where: { $0.name.lowercased() == field.name.lowercased() }) else {
                origins[name.lowercased()] = file
                field.type = try merge(field.type, field.type, file, name)
                merged.append(field)
                continue
            }
            guard merged[place].name == field.name else {
                throw .invalidRequest(
                    reason: "column \(merged[place].name) of \(origin(name, file)) is \(field.name) in \(file): Delta does not tell upper and lower case apart")
            }
            merged[place].type = try merge(merged[place].type, field.type, file, name)
        }
        return merged
    }

    private func origin(_ name: String, _ file: String) -> String { origins[name.lowercased()] ?? file }

    private mutating func merge(_ known: DataType, _ new: DataType, _ file: String, _ name: String) throws(DeltaError) -> DataType {
        func element(_ field: Field, _ type: DataType, nullable: Bool = true) -> Field { Field(field.name, type, nullable: nullable) }
        switch (known, new) {
        case (.null, _): return new
        case (_, .null): return known
        case let (.structure(left), .structure(right)): return .structure(try merge(left == right ? [] : left, right, file, below: "\(name)."))
        case let (.list(left), .list(right)): return .list(element: element(left, try merge(left.type, right.type, file, "\(name).element")))
        case let (.map(leftKey, leftValue), .map(rightKey, rightValue)):
            return .map(
                key: element(leftKey, try merge(leftKey.type, rightKey.type, file, "\(name).key"), nullable: false),
                value: element(leftValue, try merge(leftValue.type, rightValue.type, file, "\(name).value")))
        // All three are the same to a file, which needs no table feature to be read as the widest.
        case (.byte, .short), (.byte, .integer), (.short, .integer): return new
        case (.short, .byte), (.integer, .byte), (.integer, .short): return known
        case _ where known == new: return known
        default:
            throw .invalidRequest(
                reason: "column \(name) is \(known) in \(origin(name, file)) and \(new) in \(file): a table has one type; rewrite the files of one of them")
        }
    }
}

/// What Parquet knows and Delta does not.
enum ForeignTypes {
    /// Throws ``DeltaError/unsupportedType(column:type:)`` for a column that no reader of Delta could be trusted with.
    static func check(_ schema: SchemaTree) throws(DeltaError) {
        for leaf in schema.leaves {
            let type: String
            switch leaf.logicalType {
            case .integer(64, false): type = "unsigned 64-bit integer"
            case .time: type = "time of day"
            case .timestamp(_, .nanoseconds): type = "timestamp in nanoseconds"
            case .interval: type = "interval"
            case .float16: type = "16-bit floating point"
            case .uuid: type = "UUID"
            case .variant: type = "variant"
            case let .unknown(id): type = "logical type \(id), which is none that Levee knows"
            default: continue
            }
            throw .unsupportedType(column: leaf.name, type: type)
        }
    }
}
