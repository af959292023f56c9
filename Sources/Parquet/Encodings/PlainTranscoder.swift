import Base

/// Turns the rarer encodings into PLAIN, a page at a time, so that everything behind has one form to handle.
enum PlainTranscoder {
    /// The page's values in PLAIN encoding; nil where the encoding does not exist for the type. At most `count` values are there.
    static func decode(
        _ encoding: Encoding, _ values: Bytes, count: Int, physicalType: PhysicalType, conversion: ValueConversion, limits: ReadLimits
    ) throws(Damage) -> Bytes? {
        switch (encoding, physicalType) {
        case (.deltaBinaryPacked, .int32): try DeltaBinaryPacked.decodePlain(values, as: Int32.self, maximum: count, limits: limits)
        case (.deltaBinaryPacked, .int64): try DeltaBinaryPacked.decodePlain(values, as: Int64.self, maximum: count, limits: limits)
        case (.deltaLengthByteArray, .byteArray): try DeltaByteArrays.decodeLengths(values, maximum: count, limits: limits)
        case (.deltaByteArray, .byteArray): try DeltaByteArrays.decodePrefixes(values, maximum: count, fixedLength: nil, limits: limits)
        case (.deltaByteArray, .fixedLengthByteArray):
            try DeltaByteArrays.decodePrefixes(values, maximum: count, fixedLength: conversion.storedWidth, limits: limits)
        case (.byteStreamSplit, .int32), (.byteStreamSplit, .float): try ByteStreamSplit.decode(values, width: 4)
        case (.byteStreamSplit, .int64), (.byteStreamSplit, .double): try ByteStreamSplit.decode(values, width: 8)
        case (.byteStreamSplit, .fixedLengthByteArray):
            if let width = conversion.storedWidth { try ByteStreamSplit.decode(values, width: width) } else { nil }
        default: nil
        }
    }
}

/// BYTE_STREAM_SPLIT: the first bytes of all values, then the second ones, and so on.
enum ByteStreamSplit {
    static func decode(_ values: Bytes, width: Int) throws(Damage) -> Bytes {
        guard width > 0, values.count % width == 0 else { throw Damage("\(values.count) bytes do not split into values of \(width)") }
        let count = values.count / width
        return Bytes(capacity: values.count) { target in
            values.withUnsafeBytes { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                // Sixteen values at a time where values have a size that interleaving makes, the rest byte by byte.
                var done = 0
                if width == 4 { done = interleave4(from, to, count) }
                if width == 8 { done = interleave8(from, to, count) }
                for stream in 0..<width {
                    let bytes = from + stream * count
                    for index in done..<count {
                        to.storeBytes(of: bytes.load(fromByteOffset: index, as: UInt8.self), toByteOffset: index &* width &+ stream, as: UInt8.self)
                    }
                }
            }
            return values.count
        }
    }
    private static func interleave4(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ count: Int) -> Int {
        var index = 0
        while index &+ 16 <= count {
            let values = quadruples(from + index, count, stream: 0)
            (to + index &* 4).storeBytes(of: values, as: SIMD16<UInt32>.self)
            index &+= 16
        }
        return index
    }

    private static func interleave8(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ count: Int) -> Int {
        var index = 0
        while index &+ 16 <= count {
            var values = SIMD32<UInt32>()
            values.evenHalf = quadruples(from + index, count, stream: 0)
            values.oddHalf = quadruples(from + index, count, stream: 4)
            (to + index &* 8).storeBytes(of: values, as: SIMD32<UInt32>.self)
            index &+= 16
        }
        return index
    }

    /// The bytes of sixteen values in four streams that follow each other, as a number for each value.
    @inline(__always)
    private static func quadruples(_ from: UnsafeRawPointer, _ count: Int, stream: Int) -> SIMD16<UInt32> {
        var words = SIMD32<UInt16>()
        words.evenHalf = pairs(from + stream &* count, count)
        words.oddHalf = pairs(from + (stream &+ 2) &* count, count)
        return unsafeBitCast(words, to: SIMD16<UInt32>.self)
    }

    @inline(__always)
    private static func pairs(_ from: UnsafeRawPointer, _ count: Int) -> SIMD16<UInt16> {
        var bytes = SIMD32<UInt8>()
        bytes.evenHalf = from.loadUnaligned(as: SIMD16<UInt8>.self)
        bytes.oddHalf = (from + count).loadUnaligned(as: SIMD16<UInt8>.self)
        return unsafeBitCast(bytes, to: SIMD16<UInt16>.self)
    }
}
