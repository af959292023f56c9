/// Unpacks numbers of a fixed width, packed from the low end of each byte on. Trusts its caller for sizes.
enum BitUnpacker {
    /// Numbers come in blocks of so many, which begin and end at whole bytes whatever their width is.
    static let blockSize = 32

    /// Writes `blocks` blocks of numbers of `width` (1 to 32) bits. Reads up to 8 bytes behind the last one.
    static func unpack<Output: FixedWidthInteger & BitwiseCopyable>(
        _ source: UnsafeRawPointer, width: Int, into target: UnsafeMutablePointer<Output>, blocks: Int
    ) {
        switch width {
        case 1: Unpack<1>.run(source, target, blocks)
        case 2: Unpack<2>.run(source, target, blocks)
        case 3: Unpack<3>.run(source, target, blocks)
        case 4: Unpack<4>.run(source, target, blocks)
        case 5: Unpack<5>.run(source, target, blocks)
        case 6: Unpack<6>.run(source, target, blocks)
        case 7: Unpack<7>.run(source, target, blocks)
        case 8: Unpack<8>.run(source, target, blocks)
        case 9: Unpack<9>.run(source, target, blocks)
        case 10: Unpack<10>.run(source, target, blocks)
        case 11: Unpack<11>.run(source, target, blocks)
        case 12: Unpack<12>.run(source, target, blocks)
        case 13: Unpack<13>.run(source, target, blocks)
        case 14: Unpack<14>.run(source, target, blocks)
        case 15: Unpack<15>.run(source, target, blocks)
        case 16: Unpack<16>.run(source, target, blocks)
        case 17: Unpack<17>.run(source, target, blocks)
        case 18: Unpack<18>.run(source, target, blocks)
        case 19: Unpack<19>.run(source, target, blocks)
        case 20: Unpack<20>.run(source, target, blocks)
        case 21: Unpack<21>.run(source, target, blocks)
        case 22: Unpack<22>.run(source, target, blocks)
        case 23: Unpack<23>.run(source, target, blocks)
        case 24: Unpack<24>.run(source, target, blocks)
        case 25: Unpack<25>.run(source, target, blocks)
        case 26: Unpack<26>.run(source, target, blocks)
        case 27: Unpack<27>.run(source, target, blocks)
        case 28: Unpack<28>.run(source, target, blocks)
        case 29: Unpack<29>.run(source, target, blocks)
        case 30: Unpack<30>.run(source, target, blocks)
        case 31: Unpack<31>.run(source, target, blocks)
        case 32: Unpack<32>.run(source, target, blocks)
        default: break
        }
    }
}

/// One loop per width, so that all offsets, shifts and masks are constants (`make bench-parquet`).
private struct Unpack<let width: Int> {
    @inline(__always)
    static func run<Output: FixedWidthInteger & BitwiseCopyable>(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Output>, _ blocks: Int) {
        let mask = (UInt64(1) &<< UInt64(truncatingIfNeeded: width)) &- 1
        for block in 0..<blocks {
            let from = source + block &* width &* 4
            let to = target + block &* BitUnpacker.blockSize
            for index in 0..<BitUnpacker.blockSize {
                let bit = index &* width
                let word = from.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self)
                to[index] = Output(truncatingIfNeeded: (word &>> UInt64(truncatingIfNeeded: bit & 7)) & mask)
            }
        }
    }
}
