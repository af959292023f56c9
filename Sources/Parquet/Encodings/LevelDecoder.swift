/// Decodes the definition or repetition levels of one page, a byte each.
///
/// A cursor like ``RunDecoder``, with its rules for the memory.
enum LevelDecoder {
    /// All levels are zero: a required column has no levels in its pages.
    case zero
    case runs(RunDecoder, maximum: UInt8)
    case packed(LegacyPackedLevels, maximum: UInt8)

    init(maximum: Int, runs range: Range<Int>) {
        self = maximum == 0 ? .zero : .runs(RunDecoder(width: Self.width(maximum), range: range), maximum: UInt8(maximum))
    }

    /// The bits that a level up to `maximum` takes.
    static func width(_ maximum: Int) -> Int { Int.bitWidth - maximum.leadingZeroBitCount }

    mutating func decode(_ base: UnsafeRawPointer, into output: UnsafeMutablePointer<UInt8>, count: Int) throws(Damage) {
        switch self {
        case .zero: output.update(repeating: 0, count: count)
        case .runs(var decoder, let maximum):
            try decoder.decode(base, into: output, count: count)
            self = .runs(decoder, maximum: maximum)
            try Self.check(output, count, maximum)
        case .packed(var decoder, let maximum):
            try decoder.decode(base, into: output, count: count)
            self = .packed(decoder, maximum: maximum)
            try Self.check(output, count, maximum)
        }
    }

    /// Whether the next `count` levels are all `maximum`, as one run says it; they are taken if so. The common case of a column without nulls.
    mutating func takeAllDefined(_ base: UnsafeRawPointer, count: Int) throws(Damage) -> Bool {
        guard case .runs(var decoder, let maximum) = self, count > 0 else { return false }
        let value = try decoder.takeRepeated(base, count: count) { $0 == UInt32(maximum) }
        self = .runs(decoder, maximum: maximum)
        return value
    }

    private static func check(_ levels: UnsafeMutablePointer<UInt8>, _ count: Int, _ maximum: UInt8) throws(Damage) {
        var highest: UInt8 = 0
        for index in 0..<count { highest = max(highest, levels[index]) }
        guard highest <= maximum else { throw Damage("a level of \(highest) where \(maximum) is the highest") }
    }
}

/// The deprecated BIT_PACKED encoding, for levels only: packed from the highest bit of each byte, without a header.
struct LegacyPackedLevels {
    private let width: Int
    private var bit: Int
    private let endBit: Int

    init(maximum: Int, range: Range<Int>) {
        width = LevelDecoder.width(maximum)
        bit = range.lowerBound * 8
        endBit = range.upperBound * 8
    }

    /// The bytes that `count` levels up to `maximum` take.
    static func byteCount(maximum: Int, count: Int) -> Int { (count * LevelDecoder.width(maximum) + 7) / 8 }

    mutating func decode(_ base: UnsafeRawPointer, into output: UnsafeMutablePointer<UInt8>, count: Int) throws(Damage) {
        guard count &* width <= endBit &- bit else { throw Damage("the packed levels end before all values are there", at: bit / 8) }
        for index in 0..<count {
            var level: UInt8 = 0
            for _ in 0..<width {
                let byte = base.load(fromByteOffset: bit >> 3, as: UInt8.self)
                level = level << 1 | (byte >> UInt8(7 &- bit & 7)) & 1
                bit &+= 1
            }
            output[index] = level
        }
    }
}
