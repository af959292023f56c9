import Base

extension ColumnBatch {
    /// A number for each row that equal rows have in common and others hardly ever: all columns count, in their order, by their values' bits. For telling sets of
    /// rows apart, not against somebody who makes up rows to deceive.
    public var rowHashes: [UInt64] {
        var hashes = [UInt64](repeating: RowHash.seed, count: rowCount)
        for column in columns { RowHash.fold(column, into: &hashes) }
        return hashes
    }
}

/// Values into hashes, a column at a time.
enum RowHash {
    static let seed: UInt64 = 0x9e37_79b9_7f4a_7c15
    private static let null: UInt64 = 0xd6e8_feb8_6659_fd93

    /// Multiply, and fold the high half back (as wyhash does).
    @inline(__always)
    private static func mix(_ hash: UInt64, _ value: UInt64) -> UInt64 {
        let product = (hash ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(by: value ^ 0xe703_7ed1_a0b4_28db)
        return product.high ^ product.low ^ value &+ hash.byteSwapped
    }

    /// Each row's value into that row's hash. `hashes` are as many as the column's rows.
    static func fold(_ column: Column, into hashes: inout [UInt64]) {
        hashes.withUnsafeMutableBufferPointer { hashes in
            guard column.nullCount > 0 else { return fold(column, into: hashes) { _ in true } }
            guard let validity = column.validity else {
                for row in hashes.indices { hashes[row] = mix(hashes[row], null) }
                return
            }
            validity.withUnsafeBytes { bits in
                guard let base = bits.baseAddress else { return }
                fold(column, into: hashes) { Bitmap.isSet(base, $0) }
            }
        }
    }

    @inline(__always)
    private static func fold(_ column: Column, into hashes: UnsafeMutableBufferPointer<UInt64>, isValid: (Int) -> Bool) {
        switch column.values {
        case .none: for row in hashes.indices { hashes[row] = mix(hashes[row], null) }
        case let .bits(bits):
            bits.withUnsafeBytes { raw in
                guard let base = raw.baseAddress else { return }
                for row in hashes.indices { hashes[row] = mix(hashes[row], isValid(row) ? Bitmap.isSet(base, row) ? 1 : 0 : null) }
            }
        case let .fixed(bytes):
            switch column.type.fixedWidth {
            case 1: foldFixed(bytes, as: UInt8.self, into: hashes, isValid)
            case 2: foldFixed(bytes, as: UInt16.self, into: hashes, isValid)
            case 4: foldFixed(bytes, as: UInt32.self, into: hashes, isValid)
            case 8: foldFixed(bytes, as: UInt64.self, into: hashes, isValid)
            default:
                bytes.withUnsafeBytes { raw in
                    for row in hashes.indices {
                        guard isValid(row) else {
                            hashes[row] = mix(hashes[row], null)
                            continue
                        }
                        let value = raw.loadUnaligned(fromByteOffset: row &* 16, as: UInt128.self)
                        hashes[row] = mix(mix(hashes[row], UInt64(truncatingIfNeeded: value)), UInt64(truncatingIfNeeded: value >> 64))
                    }
                }
            }
        case let .variable(offsets, data):
            data.withUnsafeBytes { data in
                foldRanges(offsets, into: hashes, isValid) { hash, range in
                    var hash = hash
                    var place = range.lowerBound
                    while place &+ 8 <= range.upperBound {
                        hash = mix(hash, data.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                        place &+= 8
                    }
                    var rest: UInt64 = 0
                    while place < range.upperBound {
                        rest = rest << 8 | UInt64(data[place])
                        place &+= 1
                    }
                    return mix(hash, rest)
                }
            }
        case let .list(offsets, elements):
            let elements = standing(elements)
            foldRanges(offsets, into: hashes, isValid) { hash, range in range.reduce(hash) { mix($0, elements[$1]) } }
        case let .map(offsets, keys, values):
            let (keys, values) = (standing(keys), standing(values))
            foldRanges(offsets, into: hashes, isValid) { hash, range in range.reduce(hash) { mix(mix($0, keys[$1]), values[$1]) } }
        case let .structure(children):
            let children = children.map(standing)
            for row in hashes.indices {
                guard isValid(row) else {
                    hashes[row] = mix(hashes[row], null)
                    continue
                }
                var hash = mix(hashes[row], 1)
                for child in children { hash = mix(hash, child[row]) }
                hashes[row] = hash
            }
        case let .dictionary(codes, dictionary):
            // What a value adds to a hash depends on the hash, so that codes stand for values, not for hashes.
            if let spelled = try? column.withoutDictionary() { return fold(spelled, into: hashes, isValid: isValid) }
            let values = standing(dictionary)
            codes.withUnsafeBytes { raw in
                for row in hashes.indices {
                    let code = Int(raw.loadUnaligned(fromByteOffset: row &* 4, as: Int32.self))
                    hashes[row] = mix(hashes[row], isValid(row) ? values[code] : null)
                }
            }
        }
    }

    /// The hashes of a column's values, each by itself.
    private static func standing(_ column: Column) -> [UInt64] {
        var hashes = [UInt64](repeating: seed, count: column.count)
        fold(column, into: &hashes)
        return hashes
    }

    @inline(__always)
    private static func foldFixed<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ bytes: Bytes, as: Value.Type, into hashes: UnsafeMutableBufferPointer<UInt64>, _ isValid: (Int) -> Bool
    ) {
        bytes.withUnsafeBytes { raw in
            for row in hashes.indices {
                let value = raw.loadUnaligned(fromByteOffset: row &* MemoryLayout<Value>.stride, as: Value.self)
                hashes[row] = mix(hashes[row], isValid(row) ? UInt64(truncatingIfNeeded: value) : null)
            }
        }
    }

    @inline(__always)
    private static func foldRanges(
        _ offsets: Bytes, into hashes: UnsafeMutableBufferPointer<UInt64>, _ isValid: (Int) -> Bool, _ fold: (UInt64, Range<Int>) -> UInt64
    ) {
        offsets.withUnsafeBytes { raw in
            let offsets = raw.assumingMemoryBound(to: Int32.self)
            for row in hashes.indices {
                let range = Int(offsets[row])..<Int(offsets[row &+ 1])
                hashes[row] = isValid(row) ? fold(mix(hashes[row], UInt64(range.count)), range) : mix(hashes[row], null)
            }
        }
    }
}
