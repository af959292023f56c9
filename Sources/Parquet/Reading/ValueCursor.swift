import Base

/// A position in the encoded values of one page.
struct ValueCursor {
    enum Encoded {
        /// PLAIN values of fixed width, or each with its length; the byte position.
        case plain(position: Int)
        /// PLAIN booleans; the bit position.
        case bits(position: Int)
        /// Dictionary codes.
        case codes(RunDecoder)
        /// RLE booleans.
        case runs(RunDecoder)
        /// A page without values (all null).
        case none
    }

    let data: Bytes
    let conversion: ValueConversion
    var encoded: Encoded

    var isDictionary: Bool {
        if case .codes = encoded { true } else { false }
    }

    init(plain data: Bytes, from start: Int, conversion: ValueConversion) {
        self.data = data
        self.conversion = conversion
        encoded = conversion == .bits ? .bits(position: start * 8) : .plain(position: start)
    }

    /// The values of a data page, which begin at `start` of `data`. `count` is how many entries the page has, nulls among them.
    init(
        _ encoding: Encoding, _ data: Bytes, from start: Int, count: Int, conversion: ValueConversion, physicalType: PhysicalType, limits: ReadLimits
    ) throws(Damage) {
        self.conversion = conversion
        guard start < data.count, count > 0 else {
            self.data = data
            encoded = .none
            return
        }
        switch encoding {
        case .plain:
            self.data = data
            encoded = conversion == .bits ? .bits(position: start * 8) : .plain(position: start)
        case .plainDictionary, .rleDictionary:
            let width = data.withUnsafeBytes { Int($0[start]) }
            guard width <= 32 else { throw Damage("dictionary codes of \(width) bits", at: start) }
            self.data = data
            encoded = .codes(RunDecoder(width: width, range: (start + 1)..<data.count))
        case .rle where physicalType == .boolean:
            guard data.count - start >= 4 else { throw Damage("RLE values without their length", at: start) }
            let length = data.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: start, as: UInt32.self)) }
            guard length <= data.count - start - 4 else { throw Damage("RLE values of \(length) bytes in \(data.count - start - 4)", at: start) }
            self.data = data
            encoded = .runs(RunDecoder(width: 1, range: (start + 4)..<(start + 4 + length)))
        default:
            let values = data.dropFirst(start)
            guard let plain = try PlainTranscoder.decode(encoding, values, count: count, physicalType: physicalType, conversion: conversion, limits: limits)
            else { throw Damage.unsupported("encoding \(encoding) for \(physicalType)") }
            self.data = plain
            encoded = .plain(position: 0)
        }
    }
}
