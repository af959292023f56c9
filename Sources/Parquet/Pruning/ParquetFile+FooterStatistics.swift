import Base
import Columnar

/// What a footer says of one leaf's values, exactly.
public struct FooterStatistics: Sendable, Hashable {
    /// Values that occur, below and above which there is none; nil where all values are null, or bounds were not asked for. Text comes as its bytes.
    public let minimum: Scalar?
    public let maximum: Scalar?
    public let nullCount: Int64
}

extension ParquetFile {
    /// What the footer alone says of a leaf of all row groups; nil where it leaves something open: without statistics, with bounds that may have been cut, with
    /// numbers that may be NaN, and for leaves in lists and maps.
    ///
    /// - Parameter bounds: whether bounds are wanted, or the number of nulls is enough.
    public func footerStatistics(of path: [String], bounds: Bool) -> FooterStatistics? {
        guard let leaf = metadata.schema.leaves.first(where: { $0.path == path && $0.maximumRepetitionLevel == 0 }),
            let (type, conversion) = try? ValueConversion.of(leaf)
        else { return nil }
        let orders = metadata.columnOrders
        let reading = BoundsReading(
            leaf: leaf, type: type, conversion: conversion, order: orders.indices.contains(leaf.index) ? orders[leaf.index] : nil)
        var minimum: Scalar?
        var maximum: Scalar?
        var nulls: Int64 = 0
        for group in metadata.rowGroups where group.rowCount > 0 {
            let chunk = group.columns[leaf.index]
            let facts = reading.facts(chunk.statistics, valueCount: chunk.valueCount)
            guard let nullCount = facts.nullCount, chunk.valueCount == group.rowCount else { return nil }
            nulls += nullCount
            guard bounds, nullCount < chunk.valueCount else { continue }
            guard !facts.mayHoldNaN, facts.isExact, let low = facts.minimum, let high = facts.maximum else { return nil }
            if minimum.map({ Scalar.compare(low, $0) == .ascending }) ?? true { minimum = low }
            if maximum.map({ Scalar.compare(high, $0) == .descending }) ?? true { maximum = high }
        }
        return FooterStatistics(minimum: minimum, maximum: maximum, nullCount: nulls)
    }
}
