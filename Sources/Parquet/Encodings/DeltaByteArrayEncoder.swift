import Base
import Glibc

/// Writes DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY (Encodings.md) from values in PLAIN encoding.
enum DeltaByteArrayEncoder {
    /// Values in PLAIN encoding, each with its length before it or all of one width.
    struct Plain {
        let base: UnsafeRawPointer
        let count: Int
        /// Nil where each value has its length.
        let width: Int?

        /// Calls `body` with each value.
        @inline(__always)
        fileprivate func forEach(_ body: (_ value: UnsafeRawPointer, _ length: Int) -> Void) {
            var position = 0
            for _ in 0..<count {
                let length: Int
                if let width {
                    length = width
                } else {
                    length = Int(base.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                    position &+= 4
                }
                body(base + position, length)
                position &+= length
            }
        }
    }

    /// All lengths, then all bytes.
    static func encodeLengths(_ values: Plain, to output: inout BytesBuilder) {
        var lengths = BytesBuilder(capacity: values.count * 4)
        var total = 0
        values.forEach { _, length in
            lengths.append(Int32(truncatingIfNeeded: length))
            total &+= length
        }
        encode(&lengths, to: &output)
        output.reserve(total)
        values.forEach { output.append(contentsOf: UnsafeRawBufferPointer(start: $0, count: $1)) }
    }

    /// The lengths that each value shares with the one before it, the lengths of the rests, then the rests.
    static func encodePrefixes(_ values: Plain, to output: inout BytesBuilder) {
        var prefixes = BytesBuilder(capacity: values.count * 4)
        var lengths = BytesBuilder(capacity: values.count * 4)
        var rests = BytesBuilder()
        forEachPrefix(values) { value, length, shared in
            prefixes.append(Int32(truncatingIfNeeded: shared))
            lengths.append(Int32(truncatingIfNeeded: length &- shared))
            rests.append(contentsOf: UnsafeRawBufferPointer(start: value + shared, count: length &- shared))
        }
        encode(&prefixes, to: &output)
        encode(&lengths, to: &output)
        rests.withUnsafeMutableBytes { output.append(contentsOf: UnsafeRawBufferPointer($0)) }
    }

    @inline(__always)
    private static func forEachPrefix(_ values: Plain, _ body: (_ value: UnsafeRawPointer, _ length: Int, _ shared: Int) -> Void) {
        var previous = values.base
        var previousLength = 0
        values.forEach { value, length in
            let limit = min(length, previousLength)
            var shared = 0
            while shared < limit,
                value.load(fromByteOffset: shared, as: UInt8.self) == previous.load(fromByteOffset: shared, as: UInt8.self)
            { shared &+= 1 }
            body(value, length, shared)
            previous = value
            previousLength = length
        }
    }

    private static func encode(_ numbers: inout BytesBuilder, to output: inout BytesBuilder) {
        let count = numbers.count / 4
        numbers.withUnsafeMutableBytes { raw in
            if let base = raw.baseAddress { DeltaBinaryPackedEncoder.encode(base, count: count, as: Int32.self, to: &output) }
        }
    }
}

extension ByteStreamSplit {
    /// Appends `count` values of `width` bytes: the first bytes of all, then the second ones, and so on.
    static func encode(_ source: UnsafeRawPointer, count: Int, width: Int, to output: inout BytesBuilder) {
        output.append(upTo: count * width) { target in
            guard let to = target.baseAddress else { return 0 }
            for stream in 0..<width {
                let bytes = to + stream * count
                for index in 0..<count {
                    bytes.storeBytes(of: source.load(fromByteOffset: index &* width &+ stream, as: UInt8.self), toByteOffset: index, as: UInt8.self)
                }
            }
            return count * width
        }
    }
}
