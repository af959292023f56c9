import Base
import Columnar

/// The loops that turn stored values into a column's values. All trust their caller for sizes: `source` holds `count` values of
/// ``ValueConversion/storedWidth``, `target` has room for as many of the column's width.
enum ValueKernels {
    /// Copies or converts values of fixed stored width. Fails on values that the column's type cannot hold.
    static func convert(
        _ conversion: ValueConversion, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, count: Int
    ) throws(Damage) {
        switch conversion {
        case .copy4: target.copyMemory(from: source, byteCount: count &* 4)
        case .copy8: target.copyMemory(from: source, byteCount: count &* 8)
        case .int32ToInt8: map(source, target, count) { (value: Int32) in Int8(truncatingIfNeeded: value) }
        case .int32ToInt16: map(source, target, count) { (value: Int32) in Int16(truncatingIfNeeded: value) }
        case .uint8ToInt16: map(source, target, count) { (value: Int32) in Int16(UInt8(truncatingIfNeeded: value)) }
        case .uint16ToInt32: map(source, target, count) { (value: Int32) in Int32(UInt16(truncatingIfNeeded: value)) }
        case .uint32ToInt64: map(source, target, count) { (value: Int32) in Int64(UInt32(bitPattern: value)) }
        case .int32ToInt64: map(source, target, count) { (value: Int32) in Int64(value) }
        case .uint64ToInt128: map(source, target, count) { (value: UInt64) in Int128(value) }
        case .nanosecondsToMicroseconds: map(source, target, count) { (value: Int64) in value.flooredQuotient(1000) }
        case .millisecondsToMicroseconds:
            var overflowed = false
            map(source, target, count) { (value: Int64) in
                let (product, overflow) = value.multipliedReportingOverflow(by: 1000)
                overflowed = overflowed || overflow
                return product
            }
            if overflowed { throw Damage("a timestamp in milliseconds is out of the range of microseconds") }
        case .int96ToMicroseconds: int96(source, target, count)
        case .float16ToFloat: map(source, target, count) { (value: UInt16) in float(half: value) }
        case let .decimal64(length?):
            let output = target.assumingMemoryBound(to: Int64.self)
            for index in 0..<count {
                output[index] = try bigEndian(source + index &* length, length, as: Int64.self)
            }
        case let .decimal128(length?):
            for index in 0..<count {
                let value = try bigEndian(source + index &* length, length, as: Int128.self)
                target.storeBytes(of: value, toByteOffset: index &* 16, as: Int128.self)
            }
        case .bits, .decimal64(nil), .decimal128(nil), .bytes, .null:
            throw Damage("values of fixed width where the type has none")
        }
    }

    @inline(__always)
    private static func map<Stored: BitwiseCopyable, Value: BitwiseCopyable>(
        _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int, _ body: (Stored) -> Value
    ) {
        let output = target.assumingMemoryBound(to: Value.self)
        for index in 0..<count {
            output[index] = body(source.loadUnaligned(fromByteOffset: index &* MemoryLayout<Stored>.size, as: Stored.self))
        }
    }

    /// Nanoseconds of the day, then the Julian day. Wraps around for days far outside of what 64 bits of microseconds reach.
    private static func int96(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int) {
        let output = target.assumingMemoryBound(to: Int64.self)
        for index in 0..<count {
            let nanoseconds = source.loadUnaligned(fromByteOffset: index &* 12, as: Int64.self)
            let julianDay = source.loadUnaligned(fromByteOffset: index &* 12 &+ 8, as: Int32.self)
            output[index] = (Int64(julianDay) &- 2_440_588) &* 86_400_000_000 &+ nanoseconds.flooredQuotient(1000)
        }
    }

    /// IEEE 754 half precision, every value of which a float holds exactly.
    static func float(half: UInt16) -> Float {
        let sign = UInt32(half & 0x8000) << 16
        let exponent = UInt32(half >> 10) & 0x1f
        let fraction = UInt32(half & 0x3ff)
        switch exponent {
        case 0: return Float(bitPattern: sign | (Float(fraction) * 0x1p-24).bitPattern)
        case 31: return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent &+ 112) << 23 | fraction << 13)
        }
    }

    /// A two's-complement number of `length` bytes, highest first. Longer than the result is allowed as long as the value fits.
    static func bigEndian<Value: FixedWidthInteger & SignedInteger>(
        _ source: UnsafeRawPointer, _ length: Int, as: Value.Type
    ) throws(Damage) -> Value {
        let size = MemoryLayout<Value>.size
        guard length > 0 else { return 0 }
        var value: Value = Int8(bitPattern: source.load(as: UInt8.self)) < 0 ? -1 : 0
        let sign = value
        for index in 0..<length {
            let byte = source.load(fromByteOffset: index, as: UInt8.self)
            if index < length &- size {
                guard byte == UInt8(truncatingIfNeeded: sign) else { throw Damage("a decimal is too large for its precision") }
                continue
            }
            value = value << 8 | Value(byte)
        }
        guard (value < 0) == (sign < 0) else { throw Damage("a decimal is too large for its precision") }
        return value
    }

    /// Writes `dictionary[codes[i]]` for each code, for values of `width` bytes. Codes must be in range.
    static func gather(_ dictionary: UnsafeRawPointer, width: Int, _ codes: UnsafePointer<Int32>, _ target: UnsafeMutableRawPointer, count: Int) {
        switch width {
        case 1: gather(dictionary, codes, target, count, as: UInt8.self)
        case 2: gather(dictionary, codes, target, count, as: UInt16.self)
        case 4: gather(dictionary, codes, target, count, as: UInt32.self)
        case 8: gather(dictionary, codes, target, count, as: UInt64.self)
        default:
            for index in 0..<count {
                (target + index &* width).copyMemory(from: dictionary + Int(codes[index]) &* width, byteCount: width)
            }
        }
    }

    @inline(__always)
    private static func gather<Value: BitwiseCopyable>(
        _ dictionary: UnsafeRawPointer, _ codes: UnsafePointer<Int32>, _ target: UnsafeMutableRawPointer, _ count: Int, as: Value.Type
    ) {
        let values = dictionary.assumingMemoryBound(to: Value.self)
        let output = target.assumingMemoryBound(to: Value.self)
        for index in 0..<count { output[index] = values[Int(codes[index])] }
    }

    /// Copies `count` bytes in steps of 16, and so up to 15 bytes too many: both sides must have that much behind them (see ``Bytes/padding``).
    @inline(__always)
    static func copyPadded(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ count: Int) {
        var offset = 0
        repeat {
            target.storeBytes(of: source.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self), toByteOffset: offset, as: SIMD16<UInt8>.self)
            offset &+= 16
        } while offset < count
    }

    /// Whether all codes are below `limit`; written so that it vectorises.
    static func areBelow(_ codes: UnsafePointer<Int32>, count: Int, limit: Int) -> Bool {
        var highest: UInt32 = 0
        for index in 0..<count { highest = max(highest, UInt32(bitPattern: codes[index])) }
        return count == 0 || Int(highest) < limit
    }
}
