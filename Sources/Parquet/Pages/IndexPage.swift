import Base

/// The codes of a page in dictionary encoding, without the values that they stand for.
struct IndexPage {
    /// One per value that is not null.
    private let codes: Bytes

    var count: Int { codes.count / 4 }

    /// Reads the values section of a page: a byte with the width, then runs. All codes are below `dictionaryCount`.
    init(_ values: Bytes, count: Int, dictionaryCount: Int, limits: ReadLimits) throws(Damage) {
        guard count > 0 else {
            codes = .empty
            return
        }
        guard count <= limits.pageBytes / 4 else { throw Damage.tooLarge(count * 4, limit: limits.pageBytes) }
        codes = try Bytes(capacity: count * 4) { (target) throws(Damage) in
            try values.withUnsafeBytes { (raw) throws(Damage) in
                guard let base = raw.baseAddress, let width = raw.first, width <= 32 else { throw Damage("codes without a width") }
                guard let output = target.assumingMemoryBound(to: UInt32.self).baseAddress else { return }
                var decoder = RunDecoder(width: Int(width), range: 1..<raw.count)
                try decoder.decode(base, into: output, count: count)
                let isInRange = output.withMemoryRebound(to: Int32.self, capacity: count) { ValueKernels.areBelow($0, count: count, limit: dictionaryCount) }
                guard isInRange else { throw Damage("a code beyond the \(dictionaryCount) values of the dictionary") }
            }
            return count * 4
        }
    }

    func withCodes<Result>(_ body: (UnsafeBufferPointer<UInt32>) throws(Damage) -> Result) throws(Damage) -> Result {
        try codes.withUnsafeBytes { (raw) throws(Damage) in try body(raw.assumingMemoryBound(to: UInt32.self)) }
    }

    /// Appends the codes as `mapping` translates them, in as few bits as a dictionary of `dictionaryCount` values needs.
    func append(to output: inout BytesBuilder, mapping: [UInt32], dictionaryCount: Int) throws(Damage) {
        let width = DictionaryBuilder.codeWidth(dictionaryCount)
        output.append(UInt8(truncatingIfNeeded: width))
        let mapped = try withCodes { (codes) throws(Damage) in
            Bytes(capacity: codes.count * 4) { target in
                let target = target.assumingMemoryBound(to: UInt32.self)
                mapping.withUnsafeBufferPointer { mapping in
                    for index in 0..<codes.count { target[index] = mapping[Int(codes[index])] }
                }
                return codes.count * 4
            }
        }
        mapped.withUnsafeBytes { RunEncoder.encode($0.assumingMemoryBound(to: UInt32.self), width: width, to: &output) }
    }
}

/// A dictionary page's values, decompressed: PLAIN encoding.
struct DictionaryPage {
    let values: Bytes
    let count: Int
    /// Where each value begins (its length included), and where the last one ends; nil for values of one width.
    let starts: [UInt32]?
    private let width: Int

    init(_ page: RawPage, _ leaf: SchemaLeaf, codec: CompressionCodec, _ decompressor: PageDecompressor) throws(Damage) {
        guard page.encoding == .plain || page.encoding == .plainDictionary else { throw Damage.unsupported("a dictionary in \(page.encoding)") }
        values = page.uncompressedSize == 0 ? .empty : try decompressor.decompress(codec, page.body, size: page.uncompressedSize)
        count = page.entryCount
        switch leaf.physicalType {
        case .int32, .float: width = 4
        case .int64, .double: width = 8
        case .int96: width = 12
        case .fixedLengthByteArray: width = leaf.typeLength
        case .byteArray: width = 0
        case .boolean: throw Damage("a dictionary of booleans")
        }
        guard width == 0 else {
            let (size, overflow) = count.multipliedReportingOverflow(by: width)
            guard !overflow, size <= values.count else { throw Damage("\(count) values in a dictionary of \(values.count) bytes") }
            starts = nil
            return
        }
        starts = try Self.starts(values, count)
    }

    private static func starts(_ values: Bytes, _ count: Int) throws(Damage) -> [UInt32] {
        guard count <= values.count / 4 else { throw Damage("\(count) values in a dictionary of \(values.count) bytes") }
        var starts: [UInt32] = []
        starts.reserveCapacity(count + 1)
        var position = 0
        try values.withUnsafeBytes { (raw) throws(Damage) in
            for _ in 0..<count {
                guard raw.count - position >= 4 else { throw Damage("the dictionary ends early") }
                let length = Int(raw.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                guard length <= raw.count - position - 4 else { throw Damage("a value of \(length) bytes in a dictionary of \(raw.count)") }
                starts.append(UInt32(truncatingIfNeeded: position))
                position += 4 + length
            }
        }
        starts.append(UInt32(truncatingIfNeeded: position))
        return starts
    }

    /// nil for a dictionary without a value.
    func withEntries<Result>(_ body: (DictionaryBuilder.Entries) -> Result) -> Result? {
        values.withUnsafeBytes { raw in
            guard let base = raw.baseAddress, count > 0 else { return nil }
            guard let starts else { return body(DictionaryBuilder.Entries(base: base, starts: nil, width: width, count: count)) }
            return starts.withUnsafeBufferPointer { body(DictionaryBuilder.Entries(base: base, starts: $0.baseAddress, width: 0, count: count)) }
        }
    }

    /// Adds the values to `union`; returns what each code becomes there.
    func merge(into union: DictionaryBuilder) -> [UInt32] {
        values.withUnsafeBytes { raw in
            [UInt32](unsafeUninitializedCapacity: count) { target, written in
                written = count
                guard let base = raw.baseAddress, let output = target.baseAddress else { return }
                switch width {
                case 4: union.codes(of: base, rows: nil, first: 0, count: count, as: UInt32.self, to: output)
                case 8: union.codes(of: base, rows: nil, first: 0, count: count, as: UInt64.self, to: output)
                default:
                    if let starts {
                        union.codes(rows: nil, first: 0, count: count, to: output) {
                            (base + Int(starts[$0]) + 4, Int(starts[$0 + 1] - starts[$0]) - 4)
                        }
                    } else {
                        union.codes(rows: nil, first: 0, count: count, to: output) { (base + $0 * width, width) }
                    }
                }
            }
        }
    }

    /// Appends the values that `codes` stand for, in PLAIN encoding.
    func append(_ codes: UnsafeBufferPointer<UInt32>, to output: inout BytesBuilder, limits: ReadLimits) throws(Damage) {
        try values.withUnsafeBytes { (raw) throws(Damage) in
            guard let base = raw.baseAddress, let first = codes.baseAddress, !codes.isEmpty else { return }
            guard let starts else {
                guard codes.count <= limits.pageBytes / max(1, width) else { throw Damage.tooLarge(codes.count * width, limit: limits.pageBytes) }
                return output.append(upTo: codes.count * width) { target in
                    if let target = target.baseAddress {
                        first.withMemoryRebound(to: Int32.self, capacity: codes.count) {
                            ValueKernels.gather(base, width: width, $0, target, count: codes.count)
                        }
                    }
                    return codes.count * width
                }
            }
            var total = 0
            for code in codes { total &+= Int(starts[Int(code) &+ 1] &- starts[Int(code)]) }
            guard total <= limits.pageBytes else { throw Damage.tooLarge(total, limit: limits.pageBytes) }
            // Values are copied sixteen bytes at a time, and so up to fifteen too many.
            output.append(upTo: total + 16) { target in
                guard let target = target.baseAddress else { return 0 }
                var written = 0
                for code in codes {
                    let start = Int(starts[Int(code)])
                    let length = Int(starts[Int(code) &+ 1]) &- start
                    ValueKernels.copyPadded(base + start, target + written, length)
                    written &+= length
                }
                return total
            }
        }
    }
}
