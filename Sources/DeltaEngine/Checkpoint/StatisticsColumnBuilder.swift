import Base
import Columnar

/// Builds `stats_parsed` from the statistics' JSON text. What the text lacks or has in another type is null: statistics may always be absent.
struct StatisticsColumnBuilder {
    private let builder: ColumnBuilder
    private let fields: [Field]

    init(_ builder: ColumnBuilder, _ fields: [Field]) {
        self.builder = builder
        self.fields = fields
    }

    func append(_ text: Bytes?) throws(ColumnarError) {
        guard let text else { return builder.appendNull() }
        try text.withUnsafeBytes { (bytes) throws(ColumnarError) in
            // Members are found first and taken then: a struct's columns must all get a value, whatever the order in the text.
            guard let members = StatisticsText.members(bytes, 0..<bytes.count) else { return builder.appendNull() }
            try Self.append(members, bytes, fields, to: builder)
        }
    }

    private static func append(
        _ members: [StatisticsText.Member], _ bytes: UnsafeRawBufferPointer, _ fields: [Field], to builder: ColumnBuilder
    ) throws(ColumnarError) {
        for (field, child) in zip(fields, builder.children) {
            guard let range = members.last(where: { $0.name.hasSameBytes(as: field.name) })?.range else {
                child.appendNull()
                continue
            }
            if case let .structure(inner) = field.type {
                guard let nested = StatisticsText.members(bytes, range) else {
                    child.appendNull()
                    continue
                }
                try append(nested, bytes, inner, to: child)
            } else {
                try append(StatisticsText.scalar(bytes, range, field.type), to: child)
            }
        }
        try builder.appendNested()
    }

    private static func append(_ value: Scalar?, to builder: ColumnBuilder) throws(ColumnarError) {
        do throws(ColumnarError) {
            try builder.append(value)
        } catch .outOfRange {
            builder.appendNull()
        }
    }
}
