import Columnar

/// What was written: for the log that will refer to the file.
public struct WrittenFile: Sendable {
    public let sizeInBytes: Int64
    public let rowCount: Int64
    public let rowGroupCount: Int
    /// One per leaf of the schema, in its order.
    public let columns: [WrittenColumn]

    init(sizeInBytes: Int64, groups: [WrittenRowGroup], leaves: [SchemaLeaf]) {
        self.sizeInBytes = sizeInBytes
        rowCount = groups.reduce(0) { $0 + Int64($1.rowCount) }
        rowGroupCount = groups.count
        columns = leaves.enumerated().map { index, leaf in
            let chunks = groups.map { $0.chunks[index] }
            let bounds = chunks.reduce(Bounds.none) { $0.union($1.bounds) }
            let scalars = chunks.first.flatMap { bounds.scalars($0.type) }
            let nulls = chunks.reduce(Int64?(0)) { sum, chunk in sum.flatMap { sum in chunk.nullCount.map { sum + $0 } } }
            return WrittenColumn(
                path: leaf.path, nullCount: nulls, valueCount: chunks.reduce(0) { $0 + $1.entryCount },
                minimum: scalars?.minimum, maximum: scalars?.maximum, isMinimumExact: bounds.exactness.contains(.minimum),
                isMaximumExact: bounds.exactness.contains(.maximum), sawNaN: chunks.contains { $0.sawNaN })
        }
    }
}

/// The statistics of one leaf column of a written file: of what was encoded exact, whatever the file's own are cut to; of what was copied as good as
/// the source has them.
public struct WrittenColumn: Sendable {
    /// The names from the top-level column down; inside lists and maps with Parquet's `list`, `element`, `key_value`.
    public let path: [String]
    /// Nil only where row groups were copied whose file does not say.
    public let nullCount: Int64?
    /// Values and nulls; in lists also the entries for empty ones.
    public let valueCount: Int64
    /// Nil where there is no value but nulls and NaNs, or where what was copied came without. NaNs are left out; a zero is given as -0.0 here and
    /// 0.0 in ``maximum``.
    public let minimum: Scalar?
    public let maximum: Scalar?
    /// Whether the bound is a value that occurs; where not, it is below (above) all that do.
    public let isMinimumExact: Bool
    public let isMaximumExact: Bool
    /// Whether a float column had a NaN, which is above every bound, or may have one in what was copied: a maximum then bounds nothing.
    public let sawNaN: Bool
}
