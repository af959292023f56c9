import Base
import Glibc

/// Encodes levels and dictionary codes as the RLE/bit-packed hybrid (Encodings.md).
enum RunEncoder {
    /// Runs of fewer equal values than this are packed with their neighbours: a run costs a header and a value.
    private static let shortestRun = 8

    /// Appends the hybrid encoding of `values`, each of at most `width` bits (at most 32).
    static func encode<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ values: UnsafeBufferPointer<Value>, width: Int, to output: inout BytesBuilder
    ) {
        // Packed runs hold whole groups of eight, so a repeated run can only begin where a group ends.
        var packedStart = 0
        var position = 0
        while position < values.count {
            let value = values[position]
            var end = position &+ 1
            while end < values.count, values[end] == value { end &+= 1 }
            let length = end &- position
            if length >= shortestRun {
                // What is missing to a whole group comes from this run.
                let missing = (8 &- (position &- packedStart) & 7) & 7
                if length &- missing >= shortestRun {
                    pack(values, packedStart..<(position &+ missing), width: width, to: &output)
                    repeated(value, count: length &- missing, width: width, to: &output)
                    packedStart = end
                }
            }
            position = end
        }
        pack(values, packedStart..<values.count, width: width, to: &output)
    }

    /// Appends one run of `count` times `value`.
    static func repeated<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value, count: Int, width: Int, to output: inout BytesBuilder) {
        output.append(varint: UInt64(count) << 1)
        for index in 0..<((width + 7) / 8) { output.append(UInt8(truncatingIfNeeded: UInt64(value) >> UInt64(index * 8))) }
    }

    /// Appends one packed run; the last group is filled up with zeros.
    private static func pack<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ values: UnsafeBufferPointer<Value>, _ range: Range<Int>, width: Int, to output: inout BytesBuilder
    ) {
        guard !range.isEmpty else { return }
        let groups = (range.count + 7) / 8
        output.append(varint: UInt64(groups) << 1 | 1)
        output.append(upTo: groups * width + 8) { target in
            guard let base = target.baseAddress, let first = values.baseAddress else { return 0 }
            BitPacker.pack(first + range.lowerBound, count: range.count, width: width, to: base)
            // Zeros for what the last group lacks.
            let written = (range.count * width + 7) / 8
            if written < groups * width { memset(base + written, 0, groups * width - written) }
            return groups * width
        }
    }
}
