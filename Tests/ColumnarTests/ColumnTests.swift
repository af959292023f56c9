import Base
import Columnar
import Testing

@Suite struct ColumnTests {
    static func ints(_ values: [Int32]) -> Bytes { values.withUnsafeBytes { Bytes(copying: $0) } }

    @Test func refusesBuffersThatDoNotHoldTheRows() {
        #expect(throws: ColumnarError.bufferTooShort(type: "integer", needed: 8, available: 4)) {
            try Column(type: .integer, count: 2, validity: nil, values: .fixed(Self.ints([1])))
        }
        #expect(throws: ColumnarError.invalidOffsets(type: "string", row: 1)) {
            try Column(type: .string, count: 2, validity: nil, values: .variable(offsets: Self.ints([0, 2, 1]), data: Bytes("abc")))
        }
        #expect(throws: ColumnarError.invalidOffsets(type: "string", row: 2)) {
            try Column(type: .string, count: 2, validity: nil, values: .variable(offsets: Self.ints([0, 2, 4]), data: Bytes("abc")))
        }
        #expect(throws: ColumnarError.self) { try Column(type: .string, count: 1, validity: nil, values: .bits(Bytes([1]))) }
    }

    @Test func spellsOutDictionaries() throws {
        let words = ColumnBuilder(type: .string)
        for word in ["zero", "", "two"] { try words.append(word) }
        let column = try Column(
            type: .string, count: 4, validity: Bytes([0b1011]), values: .dictionary(codes: Self.ints([2, 0, 0, 1]), dictionary: words.finish()))
        let plain = try column.withoutDictionary()
        let read = (0..<4).map { plain.value(at: $0) }
        #expect(read == [.string("two"), .string("zero"), nil, .string("")])
        #expect((0..<4).map { column.value(at: $0) } == read)
    }

    @Test func comparesAsSparkDoes() {
        #expect(Scalar.compare(.double(.nan), .double(.infinity)) == .descending)
        #expect(Scalar.double(.nan) == Scalar.double(-.nan))
        #expect(Scalar.double(0) == Scalar.double(-0.0))
        #expect(Scalar.double(0).hashValue == Scalar.double(-0.0).hashValue)
        #expect(Scalar.string("e\u{301}") != Scalar.string("\u{e9}"))
        #expect(Scalar.compare(.string("z"), .string("é")) == .ascending)
        #expect(Scalar.decimal(150, scale: 2) == Scalar.decimal(15, scale: 1))
        #expect(Scalar.decimal(150, scale: 2).hashValue == Scalar.decimal(15, scale: 1).hashValue)
        #expect(Scalar.compare(.decimal(-150, scale: 2), .decimal(-14, scale: 1)) == .ascending)
        #expect(Scalar.compare(.integer(1), .string("1")) == nil)
        #expect(Scalar.decimal(-5, scale: 2).description == "-0.05")
    }

    @Test func copiesBitsAtAnyOffset() {
        let source: [UInt8] = (0..<40).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ 19) }
        for from in 0..<17 {
            for to in 0..<17 {
                for count in [0, 1, 7, 8, 9, 63, 64, 65, 130] {
                    var target = [UInt8](repeating: 0xff, count: 40)
                    source.withUnsafeBytes { s in
                        target.withUnsafeMutableBytes { t in
                            if let s = s.baseAddress, let t = t.baseAddress { Bitmap.copy(from: s, at: from, to: t, at: to, count: count) }
                        }
                    }
                    let equal = source.withUnsafeBytes { s in
                        target.withUnsafeBytes { t in
                            guard let s = s.baseAddress, let t = t.baseAddress else { return false }
                            return (0..<count).allSatisfy { Bitmap.isSet(s, from + $0) == Bitmap.isSet(t, to + $0) }
                                && (0..<to).allSatisfy { Bitmap.isSet(t, $0) }
                        }
                    }
                    #expect(equal, "from \(from) to \(to) count \(count)")
                }
            }
        }
    }
}
