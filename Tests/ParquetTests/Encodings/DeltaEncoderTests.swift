import Base
import Columnar
import Testing

@testable import Parquet

@Suite struct DeltaEncoderTests {
    static let counts = [0, 1, 2, 32, 33, 127, 128, 129, 130, 1000]

    /// Small steps, any steps and the extremes, whose differences wrap around.
    @Test(arguments: counts)
    func packedDeltasComeBack(count: Int) throws {
        let random = SeededRandomSource(seed: UInt64(count))
        for shift in [0, 20, 40, 56] {
            let longs = (0..<count).map { _ in random.integer(below: 9) == 0 ? Int64.min : Int64(bitPattern: random.next()) >> Int64(shift) }
            #expect(try comeBack(longs) == longs, "\(count) values, shift \(shift)")
            let integers = (0..<count).map { _ in
                random.integer(below: 9) == 0 ? Int32.max : Int32(truncatingIfNeeded: random.next()) >> Int32(min(shift, 31))
            }
            #expect(try comeBack(integers) == integers, "\(count) values, shift \(shift)")
        }
    }

    private func comeBack<Value: FixedWidthInteger & SignedInteger & BitwiseCopyable>(_ values: [Value]) throws -> [Value]
    where Value.Magnitude: BitwiseCopyable {
        var builder = BytesBuilder()
        values.withUnsafeBytes { raw in
            if let base = raw.baseAddress { DeltaBinaryPackedEncoder.encode(base, count: values.count, as: Value.self, to: &builder) }
        }
        let encoded = builder.take()
        let (decoded, length) = try DeltaBinaryPacked.decode(encoded, as: Value.self, maximum: values.count, limits: ReadLimits())
        #expect(length == encoded.count)
        return decoded.withUnsafeBytes { Array($0.assumingMemoryBound(to: Value.self)) }
    }

    @Test func evenStepsTakeHardlyAnyBytes() {
        let values = (0..<128_000).map { Int64($0) * 7 }
        var builder = BytesBuilder()
        values.withUnsafeBytes { raw in
            if let base = raw.baseAddress { DeltaBinaryPackedEncoder.encode(base, count: values.count, as: Int64.self, to: &builder) }
        }
        #expect(builder.count < 128_000 / 128 * 6 + 16)
    }

    static let texts: [[String]] = [[], [""], ["a", "", "ab", "abc", "abd", ""], (0..<500).map { "https://example.org/items/\($0)" }]

    @Test(arguments: texts)
    func deltaByteArraysComeBack(texts: [String]) throws {
        var plain = BytesBuilder()
        for text in texts {
            plain.append(UInt32(text.utf8.count))
            let bytes = Bytes(text)
            bytes.withUnsafeBytes { plain.append(contentsOf: $0) }
        }
        let values = plain.take()
        var lengths = BytesBuilder()
        var prefixes = BytesBuilder()
        values.withUnsafeBytes { raw in
            guard let base = raw.baseAddress else { return }
            let plain = DeltaByteArrayEncoder.Plain(base: base, count: texts.count, width: nil)
            DeltaByteArrayEncoder.encodeLengths(plain, to: &lengths)
            DeltaByteArrayEncoder.encodePrefixes(plain, to: &prefixes)
        }
        #expect(try DeltaByteArrays.decodeLengths(lengths.take(), maximum: texts.count, limits: ReadLimits()) == values)
        #expect(try DeltaByteArrays.decodePrefixes(prefixes.take(), maximum: texts.count, fixedLength: nil, limits: ReadLimits()) == values)
    }

    @Test func splitStreamsComeBack() throws {
        let values = (0..<100).map { Double($0) * 1.1 }
        let bytes = values.withUnsafeBytes { Bytes(copying: $0) }
        var builder = BytesBuilder()
        bytes.withUnsafeBytes { raw in if let base = raw.baseAddress { ByteStreamSplit.encode(base, count: 100, width: 8, to: &builder) } }
        #expect(try ByteStreamSplit.decode(builder.take(), width: 8) == bytes)
    }
}
