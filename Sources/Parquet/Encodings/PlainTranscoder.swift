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
                for stream in 0..<width {
                    let bytes = from + stream * count
                    for index in 0..<count {
                        to.storeBytes(of: bytes.load(fromByteOffset: index, as: UInt8.self), toByteOffset: index &* width &+ stream, as: UInt8.self)
                    }
                }
            }
            return values.count
        }
    }
}
