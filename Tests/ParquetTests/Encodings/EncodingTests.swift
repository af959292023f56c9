import Base
import Columnar
import Testing

@testable import Parquet

@Suite struct EncodingTests {
    /// Runs of all kinds at all widths, decoded in pieces of other lengths than they were encoded in.
    @Test(arguments: 0...32)
    func runsComeBack(width: Int) throws {
        let random = SeededRandomSource(seed: UInt64(width))
        let mask = width == 32 ? UInt32.max : (1 << UInt32(width)) - 1
        for _ in 0..<20 {
            var values: [UInt32] = []
            for _ in 0..<random.integer(below: 12) {
                let value = UInt32(truncatingIfNeeded: random.next()) & mask
                if random.integer(below: 2) == 0 {
                    values += [UInt32](repeating: value, count: random.integer(below: 40))
                } else {
                    values += (0..<random.integer(below: 20)).map { _ in UInt32(truncatingIfNeeded: random.next()) & mask }
                }
            }
            var builder = BytesBuilder()
            values.withUnsafeBufferPointer { RunEncoder.encode($0, width: width, to: &builder) }
            let encoded = builder.take()
            var decoder = RunDecoder(width: width, range: 0..<encoded.count)
            var decoded = [Int32](repeating: -1, count: values.count)
            try encoded.withUnsafeBytes { raw in
                try decoded.withUnsafeMutableBufferPointer { output in
                    guard let base = raw.baseAddress, let target = output.baseAddress else { return }
                    var done = 0
                    while done < values.count {
                        let count = min(1 + random.integer(below: [30, 200][random.integer(below: 2)]), values.count - done)
                        try decoder.decode(base, into: target + done, count: count)
                        done += count
                    }
                }
            }
            #expect(decoded.map { UInt32(bitPattern: $0) } == values)
        }
    }

    @Test(arguments: [1, 2, 4, 5, 8, 12, 16])
    func splitStreamsComeBack(width: Int) throws {
        let random = SeededRandomSource(seed: UInt64(width))
        for count in [0, 1, 15, 16, 17, 100] {
            let values = (0..<(count * width)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let streams = (0..<width).flatMap { stream in (0..<count).map { values[$0 * width + stream] } }
            let decoded = try ByteStreamSplit.decode(Bytes(streams), width: width)
            #expect(decoded.array == values)
        }
    }

    static let brokenRuns: [([UInt8], Int)] = [
        ([], 1), ([0x80], 1), ([0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 1), ([0x02], 1), ([0x02, 0x02], 1), ([0x03], 8), ([0x01], 8), ([0x00, 0x01], 1),
    ]

    @Test(arguments: brokenRuns)
    func brokenRunsAreRefused(bytes: [UInt8], width: Int) {
        let encoded = Bytes(bytes)
        var decoder = RunDecoder(width: width, range: 0..<encoded.count)
        var output = [Int32](repeating: 0, count: 8)
        #expect(throws: Damage.self) {
            try encoded.withUnsafeBytes { raw in
                try output.withUnsafeMutableBufferPointer { target in
                    guard let base = raw.baseAddress, let target = target.baseAddress else { return }
                    try decoder.decode(base, into: target, count: 8)
                }
            }
        }
    }

    @Test func legacyLevelsArePackedFromTheHighestBit() throws {
        let encoded = Bytes([0b0001_1011, 0b1000_0000])
        var decoder = LegacyPackedLevels(maximum: 3, range: 0..<2)
        var levels = [UInt8](repeating: 9, count: 5)
        try encoded.withUnsafeBytes { raw in
            try levels.withUnsafeMutableBufferPointer { target in
                guard let base = raw.baseAddress, let target = target.baseAddress else { return }
                try decoder.decode(base, into: target, count: 5)
            }
        }
        #expect(levels == [0, 1, 2, 3, 2])
    }

    static let halves: [(UInt16, Float)] = [
        (0x0000, 0), (0x3c00, 1), (0xc000, -2), (0x7bff, 65504), (0x0400, 0x1p-14), (0x0001, 0x1p-24), (0x83ff, -0x1.ff8p-15), (0x7c00, .infinity),
        (0xfc00, -.infinity),
    ]

    @Test(arguments: halves)
    func halvesBecomeFloats(bits: UInt16, expected: Float) {
        let value = ValueKernels.float(half: bits)
        #expect(value == expected)
    }

    @Test func everyHalfIsWhatTheCompilerMakesOfIt() {
        for bits in UInt16.min...UInt16.max {
            let expected = Float(Float16(bitPattern: bits))
            let value = ValueKernels.float(half: bits)
            if value.bitPattern != expected.bitPattern, !(value.isNaN && expected.isNaN) { Issue.record("\(bits): \(value), not \(expected)") }
        }
    }

    static let bigEndians: [([UInt8], Int64?)] = [
        ([], 0), ([0xff], -1), ([0x7f], 127), ([0, 0x80], 128), ([0xff, 0x80], -128), ([0, 0, 0, 0, 0, 0, 0, 0, 0, 5], 5),
        ([0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], .min), ([0, 0x80, 0, 0, 0, 0, 0, 0, 0], nil), ([1, 0, 0, 0, 0, 0, 0, 0, 0], nil),
    ]

    @Test(arguments: bigEndians)
    func bigEndianNumbersFitOrAreRefused(bytes: [UInt8], expected: Int64?) {
        let value = Bytes(bytes).withUnsafeBytes { raw in
            raw.baseAddress.flatMap { try? ValueKernels.bigEndian($0, bytes.count, as: Int64.self) }
        }
        #expect(value == expected)
    }

    static let brokenDeltas: [[UInt8]] = [
        [], [0x80, 0x01], [0x80, 0x01, 0x04, 0x05, 0x00], [0x00, 0x01, 0x01, 0x00], [0x80, 0x01, 0x03, 0x01, 0x00],
        // 100 values in a page of 10; a width of 65 bits; more bits than there are bytes.
        [0x80, 0x01, 0x04, 0x64, 0x00], [0x80, 0x01, 0x04, 0x05, 0x00, 0x00, 65, 0, 0, 0], [0x80, 0x01, 0x04, 0x05, 0x00, 0x00, 64, 0, 0, 0, 1],
    ]

    @Test(arguments: brokenDeltas)
    func brokenDeltasAreRefused(bytes: [UInt8]) {
        #expect(throws: Damage.self) { try DeltaBinaryPacked.decode(Bytes(bytes), as: Int64.self, maximum: 10, limits: ReadLimits()) }
    }

    @Test func deltaPageOfNoBitsIsBoundByThePageLimit() {
        // 2^31 - 1 equal values in a few bytes.
        let bytes: [UInt8] = [0x80, 0x01, 0x04, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00]
        #expect(throws: Damage.self) { try DeltaBinaryPacked.decode(Bytes(bytes), as: Int64.self, maximum: .max, limits: ReadLimits()) }
    }

    @Test func thriftIsBoundInDepthAndLength() {
        // A structure in a structure, a million deep; a list of 2^31 - 1 elements; a string longer than its input.
        let nested = Bytes([UInt8](repeating: 0x1c, count: 1_000_000))
        #expect(throws: Damage.self) { try nested.withUnsafeBytes { raw throws(Damage) in try FileMetadata(footer: raw, fileSize: 100) } }
        for bytes: [UInt8] in [
            [0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07], [0x68, 0x7f, 0x61], [0x68, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ] {
            #expect(throws: Damage.self) { try Bytes(bytes).withUnsafeBytes { raw throws(Damage) in try FileMetadata(footer: raw, fileSize: 100) } }
        }
    }

    @Test func compactNumbersComeBack() throws {
        let numbers: [Int64] = [0, 1, -1, 63, -64, 64, .max, .min]
        var writer = CompactWriter()
        writer.structure { writer in
            for (index, number) in numbers.enumerated() { writer.field(index * 20 + 1, number) }
        }
        let bytes = writer.take()
        var read: [Int: Int64] = [:]
        try bytes.withUnsafeBytes { raw in
            var reader = CompactReader(raw)
            try reader.structure { reader, id, _ throws(Damage) in
                read[id] = try reader.int64()
                return true
            }
        }
        let expected = Dictionary(uniqueKeysWithValues: numbers.enumerated().map { ($0 * 20 + 1, $1) })
        #expect(read == expected)
    }
}
