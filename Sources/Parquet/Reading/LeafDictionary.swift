import Base
import Columnar

/// A column chunk's dictionary, its values in the column's own layout.
struct LeafDictionary {
    let column: Column
    var count: Int { column.count }

    /// Decodes a dictionary page's body: `count` values in PLAIN encoding.
    init(_ body: Bytes, count: Int, type: DataType, conversion: ValueConversion, limit: Int) throws(Damage) {
        var sink = LeafSink(type: type, layout: .natural)
        var cursor = ValueCursor(plain: body, from: 0, conversion: conversion)
        guard count <= body.count else { throw Damage("a dictionary of \(count) values in \(body.count) bytes") }
        try sink.appendValues(&cursor, count: count, dictionary: nil, limit: limit)
        column = sink.finish(type: type)
        // Gathering checks codes against the count only; a kernel reads nothing of an empty dictionary.
        if case .bits = column.values { throw Damage("a dictionary of booleans") }
    }
}
