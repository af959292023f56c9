import Base

/// The serialized form of a deletion vector: Delta's magic number, then a 64-bit roaring bitmap in its portable format (protocol, "Deletion Vector
/// Format", and the RoaringFormatSpec). All numbers are little-endian.
struct RoaringFormat {
    /// What is wrong with the bytes.
    struct Damage: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    static let magic: UInt32 = 1_681_511_377
    static let cookieWithoutRuns: UInt32 = 12346
    static let cookieWithRuns: UInt32 = 12347
    /// A container of more positions is a bitmap.
    private static let mostPositions = 4096
    /// With runs, fewer containers have no offsets.
    static let fewestWithOffsets = 4

    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    static func parse(_ bytes: Bytes) throws(Damage) -> DeletedRows {
        try bytes.withUnsafeBytes { (raw) throws(Damage) in
            var format = RoaringFormat(raw)
            return try format.deletedRows()
        }
    }

    private mutating func deletedRows() throws(Damage) -> DeletedRows {
        let found = try uint32()
        guard found == Self.magic else { throw Damage("its magic number is \(found), not \(Self.magic)") }
        let buckets = try uint64()
        var containers: [DeletedRows.Container] = []
        var count: Int64 = 0
        var previous: UInt32?
        // Every bucket takes bytes, so that an absurd number of them ends with the data.
        for _ in 0..<buckets {
            let key = try uint32()
            guard key <= UInt32(Int32.max), previous.map({ key > $0 }) ?? true else { throw Damage("its bucket keys are not ascending 31-bit numbers") }
            previous = key
            try bucket(key, &containers, &count)
        }
        guard place == bytes.count else { throw Damage("\(bytes.count - place) bytes follow its last bucket") }
        return DeletedRows(containers: containers, count: count)
    }

    /// A 32-bit bitmap: cookie, keys and cardinalities, offsets, containers.
    private mutating func bucket(_ key: UInt32, _ containers: inout [DeletedRows.Container], _ count: inout Int64) throws(Damage) {
        let cookie = try uint32()
        let size: Int
        var runFlags: UnsafeRawBufferPointer?
        if cookie & 0xffff == Self.cookieWithRuns {
            size = Int(cookie >> 16) + 1
            runFlags = try take((size + 7) / 8)
        } else if cookie == Self.cookieWithoutRuns {
            size = Int(try uint32())
            guard size <= 1 << 16 else { throw Damage("a bucket has \(size) containers") }
        } else {
            throw Damage("a bucket begins with \(cookie), which is no roaring bitmap")
        }
        let header = try take(size * 4)
        // Where each container starts follows from what is before it, so that the offsets need not be believed.
        if runFlags == nil || size >= Self.fewestWithOffsets { _ = try take(size * 4) }
        var previous = -1
        for index in 0..<size {
            let high = Int(header.loadUnaligned(fromByteOffset: index * 4, as: UInt16.self))
            let cardinality = Int(header.loadUnaligned(fromByteOffset: index * 4 + 2, as: UInt16.self)) + 1
            guard high > previous else { throw Damage("its containers are not in ascending order") }
            previous = high
            let hasRuns = runFlags.map { $0[index / 8] & (1 << (index % 8)) != 0 } ?? false
            let content = try hasRuns ? runs(cardinality) : cardinality <= Self.mostPositions ? positions(cardinality) : bitmap(cardinality)
            containers.append(DeletedRows.Container(base: Int64(key) << 32 | Int64(high) << 16, content: content))
            count += Int64(cardinality)
        }
    }

    private mutating func positions(_ cardinality: Int) throws(Damage) -> DeletedRows.Content {
        let raw = try take(cardinality * 2)
        var positions: [UInt16] = []
        positions.reserveCapacity(cardinality)
        for index in 0..<cardinality {
            let position = raw.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
            guard positions.last.map({ position > $0 }) ?? true else { throw Damage("its positions are not in ascending order") }
            positions.append(position)
        }
        return .positions(positions)
    }

    private mutating func bitmap(_ cardinality: Int) throws(Damage) -> DeletedRows.Content {
        let raw = try take(8192)
        let words = (0..<1024).map { raw.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
        let set = words.reduce(0) { $0 + $1.nonzeroBitCount }
        guard set == cardinality else { throw Damage("a bitmap has \(set) positions in place of \(cardinality)") }
        return .bitmap(words)
    }

    private mutating func runs(_ cardinality: Int) throws(Damage) -> DeletedRows.Content {
        let number = Int(try take(2).loadUnaligned(as: UInt16.self))
        let raw = try take(number * 4)
        var runs: [DeletedRows.Run] = []
        var set = 0
        for index in 0..<number {
            let first = raw.loadUnaligned(fromByteOffset: index * 4, as: UInt16.self)
            let further = raw.loadUnaligned(fromByteOffset: index * 4 + 2, as: UInt16.self)
            guard runs.last.map({ first > $0.last }) ?? true, Int(first) + Int(further) <= Int(UInt16.max) else { throw Damage("its runs overlap") }
            runs.append(DeletedRows.Run(first: first, last: first + further))
            set += Int(further) + 1
        }
        guard set == cardinality else { throw Damage("its runs have \(set) positions in place of \(cardinality)") }
        return .runs(runs)
    }

    // MARK: Bytes

    private mutating func take(_ count: Int) throws(Damage) -> UnsafeRawBufferPointer {
        guard count <= bytes.count - place else { throw Damage("it ends too early, at byte \(bytes.count)") }
        defer { place += count }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<(place + count)])
    }

    private mutating func uint32() throws(Damage) -> UInt32 { UInt32(littleEndian: try take(4).loadUnaligned(as: UInt32.self)) }

    private mutating func uint64() throws(Damage) -> UInt64 { UInt64(littleEndian: try take(8).loadUnaligned(as: UInt64.self)) }
}
