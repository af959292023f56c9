import Base

@testable import DeltaEngine

/// Deletion vectors as other writers make them, byte by byte from the format's description.
enum RoaringFixture {
    /// How a container of rows is written; `smallest` is what libraries choose without run optimization.
    enum Kind: CaseIterable { case smallest, runs }

    static func serialize(_ rows: some Sequence<Int64>, as kind: Kind = .smallest, magic: UInt32 = 1_681_511_377) -> [UInt8] {
        let buckets = Dictionary(grouping: Set(rows).sorted()) { $0 >> 32 }.sorted { $0.key < $1.key }
        var bytes = little(magic) + little(UInt64(buckets.count))
        for (key, rows) in buckets { bytes += little(UInt32(key)) + bucket(rows.map { UInt32(truncatingIfNeeded: $0) }, kind) }
        return bytes
    }

    private static func bucket(_ rows: [UInt32], _ kind: Kind) -> [UInt8] {
        let containers = Dictionary(grouping: rows) { UInt16($0 >> 16) }.sorted { $0.key < $1.key }.map {
            (key: $0.key, low: $0.value.map { UInt16($0 & 0xffff) })
        }
        let header = containers.flatMap { little($0.key) + little(UInt16($0.low.count - 1)) }
        let bodies = containers.map { kind == .runs ? runs($0.low) : $0.low.count <= 4096 ? $0.low.flatMap { little($0) } : bitmap($0.low) }
        var bytes: [UInt8]
        if kind == .runs {
            bytes = little(UInt32(12347) | UInt32(containers.count - 1) << 16) + [UInt8](repeating: 0xff, count: (containers.count + 7) / 8)
        } else {
            bytes = little(UInt32(12346)) + little(UInt32(containers.count))
        }
        bytes += header
        if kind != .runs || containers.count >= 4 {
            var offset = bytes.count + containers.count * 4
            for body in bodies {
                bytes += little(UInt32(offset))
                offset += body.count
            }
        }
        return bytes + bodies.flatMap { $0 }
    }

    private static func runs(_ rows: [UInt16]) -> [UInt8] {
        var runs: [(first: UInt16, last: UInt16)] = []
        for row in rows {
            if let last = runs.last, Int(last.last) + 1 == Int(row) { runs[runs.count - 1].last = row } else { runs.append((row, row)) }
        }
        return little(UInt16(runs.count)) + runs.flatMap { little($0.first) + little($0.last - $0.first) }
    }

    private static func bitmap(_ rows: [UInt16]) -> [UInt8] {
        var words = [UInt64](repeating: 0, count: 1024)
        for row in rows { words[Int(row) / 64] |= 1 << (UInt64(row) % 64) }
        return words.flatMap { little($0) }
    }

    private static func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    static func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    /// A file of vectors, and where each begins.
    static func file(_ vectors: [[UInt8]]) -> (bytes: [UInt8], offsets: [Int32]) {
        var bytes: [UInt8] = [1]
        var offsets: [Int32] = []
        for vector in vectors {
            offsets.append(Int32(bytes.count))
            bytes += big(UInt32(vector.count)) + vector + big(vector.withUnsafeBytes { DeletionVectorReader.checksum($0) })
        }
        return (bytes, offsets)
    }

    /// The descriptor of a vector inside of the log.
    static func inline(_ rows: [Int64], as kind: Kind = .smallest) -> DeletionVectorDescriptor {
        let bytes = serialize(rows, as: kind)
        let padded = bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
        return DeletionVectorDescriptor(
            storageType: "i", pathOrInlineDv: Z85.encode(padded), offset: nil, sizeInBytes: Int32(bytes.count), cardinality: Int64(Set(rows).count))
    }
}
