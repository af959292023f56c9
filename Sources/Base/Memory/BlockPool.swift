import Glibc

/// Memory blocks for large ``Bytes``, kept for reuse up to a bound.
///
/// The C library serves such blocks either from heaps, which fragment under a stream of megabyte buffers from several threads until a process holds
/// twice what it uses, or fresh from the kernel, which clears every page each time. A few free blocks of the sizes in use avoid both: OPTIMIZE
/// takes a quarter less CPU time than with the second, and a third of the memory of the first (`make bench`).
enum BlockPool {
    /// Blocks below are the C library's business.
    static let smallest = 64 << 10
    /// Larger blocks are rare and go straight back to the kernel.
    private static let largest = 8 << 20
    /// The most bytes that wait for reuse.
    private static let maximumIdleBytes = 32 << 20

    private struct Idle {
        var blocks: [Int: [UInt]] = [:]
        var bytes = 0
    }

    private static let idle = Lock(Idle())

    /// The bytes that a block for `size` has: at most an eighth more, so that few sizes are in use.
    static func blockSize(_ size: Int) -> Int {
        let size = max(size, smallest)
        let step = 1 << (Int.bitWidth - 1 - size.leadingZeroBitCount - 3)
        return (size + step - 1) / step * step
    }

    /// A block of ``blockSize(_:)`` bytes, its content unspecified, aligned to a page.
    static func take(_ size: Int) -> UnsafeMutableRawPointer {
        let size = blockSize(size)
        let address = idle.withLock { idle -> UInt? in
            guard let address = idle.blocks[size]?.popLast() else { return nil }
            idle.bytes -= size
            return address
        }
        if let address, let block = UnsafeMutableRawPointer(bitPattern: address) { return block }
        let block = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        // As the standard library's allocation does where there is no memory: nothing can go on.
        guard let block, block != MAP_FAILED else { abort() }
        return block
    }

    /// Takes back a block that ``take(_:)`` gave for `size`.
    static func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
        let size = blockSize(size)
        let isKept = idle.withLock { idle in
            guard size <= largest, idle.bytes + size <= maximumIdleBytes else { return false }
            idle.blocks[size, default: []].append(UInt(bitPattern: block))
            idle.bytes += size
            return true
        }
        if !isKept { munmap(block, size) }
    }
}
