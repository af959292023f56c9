import Base

/// A page's header, with the fields that reading needs.
struct PageHeader {
    enum Content {
        case data(valueCount: Int, encoding: Encoding, definitionEncoding: Encoding, repetitionEncoding: Encoding)
        case dataV2(valueCount: Int, nullCount: Int, rowCount: Int, encoding: Encoding, definitionLength: Int, repetitionLength: Int, isCompressed: Bool)
        case dictionary(valueCount: Int, encoding: Encoding)
        /// An index page, or a kind this reader does not know: skipped.
        case other
    }

    var content: Content
    var uncompressedSize: Int
    var compressedSize: Int
    /// CRC-32 of the page as it is in the file, as the header gives it.
    var checksum: UInt32?

    /// Reads the header at the start of `input`; returns how many bytes it took.
    static func read(_ input: UnsafeRawBufferPointer) throws(Damage) -> (header: PageHeader, length: Int) {
        var type: Int32 = -1
        var uncompressed: Int32 = -1
        var compressed: Int32 = -1
        var checksum: UInt32?
        var data: Fields?
        var dataV2: Fields?
        var dictionary: Fields?
        var reader = CompactReader(input)
        try reader.structure { (reader, id, kind) throws(Damage) in
            switch (id, kind) {
            case (1, .int32): type = try reader.int32()
            case (2, .int32): uncompressed = try reader.int32()
            case (3, .int32): compressed = try reader.int32()
            case (4, .int32): checksum = UInt32(bitPattern: try reader.int32())
            case (5, .structure): data = try Fields(&reader)
            case (7, .structure): dictionary = try Fields(&reader)
            case (8, .structure): dataV2 = try Fields(&reader)
            default: return false
            }
            return true
        }
        guard uncompressed >= 0, compressed >= 0 else { throw Damage("a page header without sizes") }
        let content: Content
        switch type {
        case 0:
            guard let data else { throw Damage("a data page without its header") }
            content = .data(
                valueCount: try data.count(1, "value count"), encoding: data.encoding(2), definitionEncoding: data.encoding(3),
                repetitionEncoding: data.encoding(4))
        case 2:
            guard let dictionary else { throw Damage("a dictionary page without its header") }
            content = .dictionary(valueCount: try dictionary.count(1, "value count"), encoding: dictionary.encoding(2))
        case 3:
            guard let dataV2 else { throw Damage("a data page without its header") }
            content = .dataV2(
                valueCount: try dataV2.count(1, "value count"), nullCount: try dataV2.count(2, "null count"), rowCount: try dataV2.count(3, "row count"),
                encoding: dataV2.encoding(4), definitionLength: try dataV2.count(5, "definition level length"),
                repetitionLength: try dataV2.count(6, "repetition level length"), isCompressed: dataV2.isCompressed)
        default: content = .other
        }
        let header = PageHeader(content: content, uncompressedSize: Int(uncompressed), compressedSize: Int(compressed), checksum: checksum)
        return (header, reader.position)
    }

    /// The numbers of one of the three nested headers, by field id (all below 8).
    private struct Fields {
        var numbers: InlineArray<8, Int32> = .init(repeating: -1)
        var isCompressed = true

        init(_ reader: inout CompactReader) throws(Damage) {
            var fields = Self()
            try reader.structure { (reader, id, kind) throws(Damage) in
                switch kind {
                case .int32 where (1...6).contains(id): fields.numbers[id] = try reader.int32()
                case .boolFalse where id == 7: fields.isCompressed = false
                default: return false
                }
                return true
            }
            self = fields
        }

        private init() {}

        func count(_ id: Int, _ what: String) throws(Damage) -> Int {
            guard numbers[id] >= 0 else { throw Damage("a page header without a \(what)") }
            return Int(numbers[id])
        }

        func encoding(_ id: Int) -> Encoding { Encoding(rawValue: numbers[id]) }
    }
}
