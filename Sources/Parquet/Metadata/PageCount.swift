/// How many pages of one kind and encoding a column chunk has (parquet.thrift, `PageEncodingStats`).
struct PageCount: Sendable, Hashable {
    /// `PageType`, as the writer has it.
    let kind: Int32
    let encoding: Encoding
    var count: Int32

    init(kind: Int32, encoding: Encoding, count: Int32) {
        self.kind = kind
        self.encoding = encoding
        self.count = count
    }

    init(_ reader: inout CompactReader) throws(Damage) {
        var kind: Int32 = -1
        var encoding: Int32 = -1
        var count: Int32 = 0
        try reader.structure { (reader, id, type) throws(Damage) in
            switch (id, type) {
            case (1, .int32): kind = try reader.int32()
            case (2, .int32): encoding = try reader.int32()
            case (3, .int32): count = try reader.int32()
            default: return false
            }
            return true
        }
        self.init(kind: kind, encoding: Encoding(rawValue: encoding), count: count)
    }
}
