import Base

/// The paths that a vacuum must keep, as a set of 64-bit hashes: 16 bytes a path at most, whatever its length.
///
/// Two paths may share a hash; then a dead file is taken for a live one and stays, which is the harmless way to be wrong. The hash is seeded per
/// process, so that the next vacuum sees other pairs and nobody can aim for one.
struct LivePaths {
    /// Open addressing with linear probing; zero marks a free place.
    private var slots: [UInt64]
    private(set) var count = 0
    /// Whether there are files that are known by their own name alone, in whatever directory; they stand as `/name`, which no path is.
    private var hasNames = false

    init(capacity: Int = 0) {
        var size = 64
        while size < capacity * 2 { size *= 2 }
        slots = Array(repeating: 0, count: size)
    }

    mutating func insert(_ path: String) {
        if count * 2 >= slots.count { grow() }
        insert(hash: Self.hash(path))
    }

    mutating func insert(_ path: Bytes) {
        if count * 2 >= slots.count { grow() }
        insert(hash: path.withUnsafeBytes { Self.hash($0) })
    }

    /// Keeps every file of this name.
    mutating func insert(name: String) {
        hasNames = true
        insert("/\(name)")
    }

    func contains(_ path: String) -> Bool {
        if hasNames, let name = path.utf8.split(separator: UInt8(ascii: "/")).last, contains(hash: Self.hash("/\(Substring(name))")) { return true }
        return contains(hash: Self.hash(path))
    }

    private func contains(hash: UInt64) -> Bool {
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while slots[place] != 0 {
            if slots[place] == hash { return true }
            place = (place + 1) & mask
        }
        return false
    }

    private mutating func insert(hash: UInt64) {
        let mask = slots.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while slots[place] != 0 {
            if slots[place] == hash { return }
            place = (place + 1) & mask
        }
        slots[place] = hash
        count += 1
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: 0, count: old.count * 2)
        count = 0
        for hash in old where hash != 0 { insert(hash: hash) }
    }

    private static func hash(_ path: String) -> UInt64 {
        var path = path
        return path.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
    }

    private static func hash(_ path: UnsafeRawBufferPointer) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(bytes: path)
        let hash = UInt64(bitPattern: Int64(hasher.finalize()))
        return hash == 0 ? 1 : hash
    }
}
