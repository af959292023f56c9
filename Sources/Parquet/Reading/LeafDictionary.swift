import Base
import Columnar

/// A column chunk's dictionary, its values in the column's own layout.
struct LeafDictionary {
    let column: Column
    /// The bytes of the longest text or binary value.
    let longestValue: Int
    var count: Int { column.count }

    /// Decodes a dictionary page's body: `count` values in PLAIN encoding.
    init(_ body: Bytes, count: Int, type: DataType, conversion: ValueConversion, limit: Int) throws(Damage) {
        var sink = LeafSink(type: type, layout: .natural)
        var cursor = ValueCursor(plain: body, from: 0, conversion: conversion)
        guard count <= body.count else { throw Damage("a dictionary of \(count) values in \(body.count) bytes") }
        try sink.appendValues(&cursor, count: count, dictionary: nil, limit: limit)
        column = sink.finish(type: type)
        longestValue = Self.longest(column)
        // Gathering checks codes against the count only; a kernel reads nothing of an empty dictionary.
        if case .bits = column.values { throw Damage("a dictionary of booleans") }
    }

    private static func longest(_ column: Column) -> Int {
        guard case let .variable(offsets, _) = column.values else { return 0 }
        return offsets.withUnsafeBytes { raw in
            let ends = raw.assumingMemoryBound(to: Int32.self)
            var longest: Int32 = 0
            for index in 0..<column.count { longest = max(longest, ends[index &+ 1] &- ends[index]) }
            return Int(longest)
        }
    }
}
