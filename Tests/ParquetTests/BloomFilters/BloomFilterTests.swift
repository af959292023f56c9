import Base
import Columnar
import Testing

@testable import Parquet

@Suite struct BloomFilterTests {
    /// From the reference implementation, seed 0.
    static let hashes: [(String, UInt64)] = [
        ("", 0xef46_db37_51d8_e999), ("a", 0xd24e_c4f1_a98c_6e5b), ("abc", 0x44bc_2cf5_ad77_0999),
        ("Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
    ]

    @Test(arguments: hashes)
    func hashIsXXH64(text: String, expected: UInt64) {
        let hash = Bytes(text).withUnsafeBytes { XXHash64.hash($0) }
        #expect(hash == expected)
    }

    /// Folding loses no value, keeps the rate that was asked for, and ends at a size that the number of values explains.
    @Test(arguments: [1, 100, 10_000])
    func filterHasAllValuesAndFewOthers(count: Int) throws {
        let random = SeededRandomSource(seed: UInt64(count))
        let present = (0..<count).map { _ in random.next() }
        let leaf = SchemaLeaf(
            index: 0, path: ["c"], physicalType: .int64, typeLength: 0, logicalType: nil, maximumDefinitionLevel: 0, maximumRepetitionLevel: 0)
        var builder = BloomFilterBuilder(BloomFilterOptions(falsePositiveRate: 0.01))
        present.withUnsafeBytes { raw in if let base = raw.baseAddress { builder.insert(plain: base, count: count, leaf) } }
        let filter = builder.finish()
        let (start, byteCount) = try #require(BloomFilterHeader.read(filter))
        #expect(start + byteCount == filter.count)
        #expect(byteCount <= max(32, count * 4))
        let bits = filter.dropFirst(start)
        let missing = present.count { !contains(bits, $0) }
        #expect(missing == 0)
        let falsePositives = (0..<20_000).count { _ in contains(bits, random.next()) }
        #expect(falsePositives < 20_000 * 2 / 100)
    }

    private func contains(_ bits: Bytes, _ value: UInt64) -> Bool {
        let hash = withUnsafeBytes(of: value) { XXHash64.hash($0) }
        let offset = SplitBlock.block(hash, of: bits.count / 32) * 32
        let block = bits.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: SIMD8<UInt32>.self) }
        return block & SplitBlock.masks(hash) == SplitBlock.masks(hash)
    }
}
