import Base

/// Encodes values in PLAIN encoding otherwise, and finds out which encoding makes them smallest.
struct ValueEncoder {
    private let leaf: SchemaLeaf
    /// What may be tried besides PLAIN.
    private let candidates: [Encoding]
    /// Decided by the first page.
    private(set) var choice: Encoding?

    /// Another encoding must save at least this share of what PLAIN takes to be worth decoding.
    private static let leastSavings = 0.05

    init(leaf: SchemaLeaf, allowed: OptionalEncodings) {
        self.leaf = leaf
        candidates =
            switch leaf.physicalType {
            case .int32 where allowed.contains(.deltas), .int64 where allowed.contains(.deltas): [.deltaBinaryPacked]
            case .byteArray where allowed.contains(.deltas): [.deltaLengthByteArray, .deltaByteArray]
            case .float where allowed.contains(.byteStreamSplit), .double where allowed.contains(.byteStreamSplit): [.byteStreamSplit]
            default: []
            }
        if candidates.isEmpty { choice = .plain }
    }

    /// Decides by `count` values in PLAIN encoding, unless that has been done. `measure` says how many bytes an encoded page takes in the end.
    mutating func decide(
        _ values: UnsafeRawBufferPointer, count: Int, measure: (UnsafeRawBufferPointer) throws(Damage) -> Int
    ) throws(Damage) {
        guard choice == nil, count > 0 else { return }
        let plain = try measure(values)
        var best = (encoding: Encoding.plain, size: plain - Int(Double(plain) * Self.leastSavings))
        for candidate in candidates {
            var output = BytesBuilder()
            encode(candidate, values, count: count, to: &output)
            let size = try output.withUnsafeMutableBytes { (raw) throws(Damage) in try measure(UnsafeRawBufferPointer(raw)) }
            if size < best.size { best = (candidate, size) }
        }
        choice = best.encoding
    }

    /// The bytes that `count` values take at best, before compression.
    func smallestSize(_ values: UnsafeRawBufferPointer, count: Int) -> Int {
        candidates.reduce(values.count) { best, candidate in
            var output = BytesBuilder()
            encode(candidate, values, count: count, to: &output)
            return min(best, output.count)
        }
    }

    /// Appends `count` values, given in PLAIN encoding.
    func encode(_ encoding: Encoding, _ values: UnsafeRawBufferPointer, count: Int, to output: inout BytesBuilder) {
        guard let base = values.baseAddress else { return }
        let strings = DeltaByteArrayEncoder.Plain(base: base, count: count, width: leaf.physicalType == .byteArray ? nil : leaf.typeLength)
        switch (encoding, leaf.physicalType) {
        case (.deltaBinaryPacked, .int32): DeltaBinaryPackedEncoder.encode(base, count: count, as: Int32.self, to: &output)
        case (.deltaBinaryPacked, _): DeltaBinaryPackedEncoder.encode(base, count: count, as: Int64.self, to: &output)
        case (.deltaLengthByteArray, _): DeltaByteArrayEncoder.encodeLengths(strings, to: &output)
        case (.deltaByteArray, _): DeltaByteArrayEncoder.encodePrefixes(strings, to: &output)
        case (.byteStreamSplit, .float): ByteStreamSplit.encode(base, count: count, width: 4, to: &output)
        case (.byteStreamSplit, _): ByteStreamSplit.encode(base, count: count, width: 8, to: &output)
        default: output.append(contentsOf: values)
        }
    }
}
