import Testing

@testable import Base

@Suite struct BlockPoolTests {
    @Test(arguments: [1, 65_536, 65_537, 100_000, 1 << 20, (1 << 20) + 1, 3_000_000, (8 << 20) + 5, 100 << 20])
    func blocksHoldWhatIsAskedForAndLittleMore(size: Int) {
        let block = BlockPool.blockSize(size)
        #expect(block >= size)
        #expect(block <= max(size + size / 8 + 1, BlockPool.smallest))
        #expect(BlockPool.blockSize(block) == block)
    }

    @Test func blocksAreWritableToTheirEndAndUsedAgain() {
        for size in [BlockPool.smallest, 1_200_000, 9 << 20] {
            let block = BlockPool.take(size)
            block.storeBytes(of: 7, toByteOffset: BlockPool.blockSize(size) - 1, as: UInt8.self)
            BlockPool.give(block, size)
        }
        let bytes = (0..<40).map { index in Bytes(capacity: 1 << 20) { $0.initializeMemory(as: UInt8.self, repeating: UInt8(index)).count } }
        let areKept = bytes.enumerated().allSatisfy { index, bytes in bytes.withUnsafeBytes { $0.allSatisfy { $0 == UInt8(index) } } }
        #expect(areKept)
    }
}
