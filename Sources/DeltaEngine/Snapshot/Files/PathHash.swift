import Base

/// The hash by which a `remove` finds its `add`. Equal files hash alike however their path is spelled; differing ones are told apart by comparing.
enum PathHash {
    /// Of a path as the log has it and the unique id of its deletion vector (empty for none).
    static func hash(path: UnsafeRawBufferPointer, deletionVector: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
        if path.contains(UInt8(ascii: "%")) {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: path.count) { target in
                let length = DataPath.decode(path, into: target)
                hash = mix(hash, UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(target)[..<length]))
            }
        } else {
            hash = mix(hash, path)
        }
        return deletionVector.isEmpty ? hash : mix(hash, deletionVector)
    }

    /// Eight bytes a step: multiply, fold the high half back (as wyhash does).
    private static func mix(_ seed: UInt64, _ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = seed ^ UInt64(bytes.count)
        var at = 0
        while at + 8 <= bytes.count {
            hash = fold(hash ^ bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at += 8
        }
        var tail: UInt64 = 0
        while at < bytes.count {
            tail = tail << 8 | UInt64(bytes[at])
            at += 1
        }
        return fold(hash ^ tail)
    }

    private static func fold(_ value: UInt64) -> UInt64 {
        let product = (value ^ 0x2D35_8DCC_AA6C_78A5).multipliedFullWidth(by: 0x8BB8_4B93_962E_ACC9)
        return product.high ^ product.low
    }
}
