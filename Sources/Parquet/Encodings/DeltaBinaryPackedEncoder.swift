import Base

/// Writes DELTA_BINARY_PACKED (Encodings.md) in the shape that parquet-mr and Arrow write: blocks of 128 values in four miniblocks.
enum DeltaBinaryPackedEncoder {
    private static let blockSize = 128
    private static let miniblockSize = 32
    private static let miniblocks = 4

    /// Appends `count` values.
    static func encode<Value: FixedWidthInteger & SignedInteger & BitwiseCopyable>(
        _ source: UnsafeRawPointer, count: Int, as: Value.Type, to output: inout BytesBuilder
    ) where Value.Magnitude: BitwiseCopyable {
        func value(_ index: Int) -> Value { source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Value>.size, as: Value.self) }
        output.append(varint: UInt64(blockSize))
        output.append(varint: UInt64(miniblocks))
        output.append(varint: UInt64(count))
        output.append(zigzag: count > 0 ? Int64(value(0)) : 0)
        guard count > 1 else { return }
        withUnsafeTemporaryAllocation(of: Value.Magnitude.self, capacity: blockSize) { deltas in
            guard let deltas = deltas.baseAddress else { return }
            var previous = value(0)
            var done = 1
            while done < count {
                let length = min(blockSize, count &- done)
                // Differences wrap around, here as in every reader.
                var least = Value.max
                for index in 0..<length {
                    let next = value(done &+ index)
                    let delta = next &- previous
                    previous = next
                    least = min(least, delta)
                    deltas[index] = Value.Magnitude(truncatingIfNeeded: delta)
                }
                let base = Value.Magnitude(truncatingIfNeeded: least)
                for index in 0..<length { deltas[index] &-= base }
                for index in length..<blockSize { deltas[index] = 0 }
                output.append(zigzag: Int64(least))
                appendBlock(deltas, length, to: &output)
                done &+= length
            }
        }
    }

    /// The widths of all miniblocks, then those miniblocks that have values, the last one filled up with zeros.
    private static func appendBlock<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ deltas: UnsafePointer<Value>, _ length: Int, to output: inout BytesBuilder
    ) {
        output.append(upTo: miniblocks + blockSize * 8 + 8) { target in
            guard let base = target.baseAddress else { return 0 }
            var written = miniblocks
            for miniblock in 0..<miniblocks {
                let start = deltas + miniblock &* miniblockSize
                var all: Value = 0
                for index in 0..<miniblockSize { all |= start[index] }
                let width = Value.bitWidth &- all.leadingZeroBitCount
                target[miniblock] = UInt8(truncatingIfNeeded: width)
                guard miniblock &* miniblockSize < length else { continue }
                BitPacker.pack(start, count: miniblockSize, width: width, to: base + written)
                written &+= miniblockSize / 8 &* width
            }
            return written
        }
    }
}

extension BytesBuilder {
    mutating func append(varint value: UInt64) {
        var value = value
        while value >= 0x80 {
            append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        append(UInt8(truncatingIfNeeded: value))
    }

    mutating func append(zigzag value: Int64) { append(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63))) }
}
