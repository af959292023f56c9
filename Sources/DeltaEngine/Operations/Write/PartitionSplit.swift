import Base
import Columnar

/// Sorts a batch's rows by the partition that they belong to.
struct PartitionSplit {
    private let schema: Schema
    /// Positions of the partition columns in their order, and of all others.
    private let partitionPlaces: [Int]
    private let dataPlaces: [Int]

    /// Rows of one partition, without the partition columns.
    struct Part {
        let partition: PartitionKey
        let batch: ColumnBatch
    }

    init(schema: Schema, partitionColumns: [String]) {
        self.schema = schema
        partitionPlaces = partitionColumns.compactMap { schema.index(of: $0) }
        dataPlaces = schema.fields.indices.filter { !partitionColumns.contains(schema.fields[$0].name) }
    }

    /// In the order in which the partitions come up.
    func parts(of batch: ColumnBatch) throws -> [Part] {
        let data = batch.selecting(dataPlaces)
        if partitionPlaces.isEmpty { return [Part(partition: PartitionKey([]), batch: data)] }
        let (keys, rowsByKey) = try group(batch)
        if keys.count == 1 { return [Part(partition: keys[0], batch: data)] }
        var parts: [Part] = []
        for (key, rows) in zip(keys, rowsByKey) {
            var columns: [Column] = []
            for column in data.columns { columns.append(try column.gathering(rows)) }
            parts.append(Part(partition: key, batch: try ColumnBatch(schema: data.schema, columns: columns, rowCount: rows.count)))
        }
        return parts
    }

    private func group(_ batch: ColumnBatch) throws -> (keys: [PartitionKey], rows: [[Int32]]) {
        var places: [[Scalar?]: Int] = [:]
        var texts: [PartitionKey: Int] = [:]
        var keys: [PartitionKey] = []
        var rows: [[Int32]] = []
        for row in 0..<batch.rowCount {
            let values = partitionPlaces.map { batch.columns[$0].value(at: row) }
            let place: Int
            if let known = places[values] {
                place = known
            } else {
                // Values that differ may be one text (an empty string is null), values that are equal two (0.0 and -0.0 are the same number).
                let key = PartitionKey(try text(values))
                place = texts[key] ?? keys.count
                if place == keys.count {
                    texts[key] = place
                    keys.append(key)
                    rows.append([])
                }
                places[values] = place
            }
            rows[place].append(Int32(row))
        }
        return (keys, rows)
    }

    private func text(_ values: [Scalar?]) throws(DeltaError) -> [String?] {
        var texts: [String?] = []
        for (place, value) in zip(partitionPlaces, values) {
            let field = schema.fields[place]
            let text = PartitionValue.text(of: value)
            if text == nil, !field.nullable {
                let what = value == nil ? "null" : "an empty text, which Delta cannot tell from null"
                throw .invalidData(source: "partition column \(field.name)", reason: "it must have a value and a row has \(what)")
            }
            texts.append(text)
        }
        return texts
    }
}

/// A partition's values as the log has them, in the order of the partition columns. Equal where the bytes are: Swift's own comparison takes composed
/// and decomposed characters for the same.
struct PartitionKey: Hashable {
    let values: [String?]

    init(_ values: [String?]) { self.values = values }

    static func == (left: PartitionKey, right: PartitionKey) -> Bool {
        left.values.count == right.values.count && zip(left.values, right.values).allSatisfy { $0.hasSameBytes(as: $1) }
    }

    func hash(into hasher: inout Hasher) {
        for value in values { value?.hashBytes(into: &hasher) }
    }
}
