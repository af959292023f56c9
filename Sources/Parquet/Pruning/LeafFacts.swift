import Base
import Columnar

/// What a file's footer says of one leaf's values in all row groups together.
public struct LeafFacts: Sendable {
    /// The names from the top-level column down.
    public let path: [String]
    /// At or below every value; nil where the footer does not say, or there is no value but nulls.
    public let minimum: Scalar?
    /// At or above every value that is no NaN.
    public let maximum: Scalar?
    /// nil where the footer does not say.
    public let nullCount: Int64?
    /// Whether a floating-point column may hold a NaN, which is in no bounds.
    public let mayHoldNaN: Bool
}

extension ParquetFile {
    /// Of the leaves that are in no list or map, whose values are values of rows.
    public func leafFacts() -> [LeafFacts] {
        let orders = metadata.columnOrders
        return metadata.schema.leaves.compactMap { leaf in
            guard leaf.maximumRepetitionLevel == 0, let (type, conversion) = try? ValueConversion.of(leaf) else { return nil }
            let reading = BoundsReading(
                leaf: leaf, type: type, conversion: conversion, order: orders.indices.contains(leaf.index) ? orders[leaf.index] : nil)
            let chunks = metadata.rowGroups.map { reading.facts($0.columns[leaf.index].statistics, valueCount: $0.columns[leaf.index].valueCount) }
            // A chunk of nulls alone has no bounds and needs none.
            let bounded = chunks.filter { $0.nullCount == nil || $0.nullCount != $0.valueCount }
            return LeafFacts(
                path: leaf.path, minimum: Self.bound(bounded.map(\.minimum), type, keeping: .ascending),
                maximum: Self.bound(bounded.map(\.maximum), type, keeping: .descending),
                nullCount: chunks.reduce(Int64?(0)) { sum, chunk in sum.flatMap { sum in chunk.nullCount.map { sum &+ $0 } } },
                mayHoldNaN: chunks.contains { $0.mayHoldNaN })
        }
    }

    /// The least or greatest of the chunks' bounds, as a value of the type; nil where one is missing.
    private static func bound(_ bounds: [Scalar?], _ type: DataType, keeping order: Scalar.Order) -> Scalar? {
        var result: Scalar?
        for bound in bounds {
            guard let bound else { return nil }
            guard let known = result else {
                result = bound
                continue
            }
            guard let compared = Scalar.compare(bound, known) else { return nil }
            if compared == order { result = bound }
        }
        guard type == .string, case let .binary(bytes)? = result else { return result }
        return text(bytes, isMinimum: order == .ascending).map(Scalar.string)
    }

    /// Bounds may be cut inside of a character: what is left of one that was cut below is still below.
    private static func text(_ bytes: Bytes, isMinimum: Bool) -> String? {
        if let whole = String(validating: bytes.array, as: UTF8.self) { return whole }
        guard isMinimum else { return nil }
        for cut in 1...3 where bytes.count > cut {
            if let text = String(validating: bytes.array.dropLast(cut), as: UTF8.self) { return text }
        }
        return nil
    }
}
