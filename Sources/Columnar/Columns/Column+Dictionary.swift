import Base

extension Column {
    /// The same column with a dictionary's values in place of codes. Any other column is returned as it is.
    ///
    /// Throws ``ColumnarError/tooLarge(type:)`` where the text would pass 2 GiB, which a small file can ask for.
    public func withoutDictionary() throws(ColumnarError) -> Column {
        guard case let .dictionary(codes, dictionary) = values else { return self }
        let spelled: ColumnValues =
            switch dictionary.values {
            case let .variable(offsets, data): try gatherText(codes, offsets, data)
            case let .fixed(bytes): gatherFixed(codes, bytes, width: type.fixedWidth ?? 0)
            default: throw .typeMismatch(expected: "a flat dictionary", found: "a dictionary of type \(type)")
            }
        return Column(trusted: type, count: count, nullCount: nullCount, validity: validity, values: spelled)
    }

    private func gatherFixed(_ codes: Bytes, _ bytes: Bytes, width: Int) -> ColumnValues {
        .fixed(
            Bytes(capacity: count * width) { target in
                codes.withUnsafeBytes { codes in
                    bytes.withUnsafeBytes { values in
                        let codes = codes.assumingMemoryBound(to: Int32.self)
                        guard let to = target.baseAddress, let from = values.baseAddress else { return }
                        for row in 0..<count { (to + row * width).copyMemory(from: from + Int(codes[row]) * width, byteCount: width) }
                    }
                }
                return target.count
            })
    }

    private func gatherText(_ codes: Bytes, _ offsets: Bytes, _ data: Bytes) throws(ColumnarError) -> ColumnValues {
        var total = 0
        let newOffsets = Bytes(capacity: (count + 1) * 4) { newOffsets in
            let to = newOffsets.bindMemory(to: Int32.self)
            to[0] = 0
            codes.withUnsafeBytes { codes in
                offsets.withUnsafeBytes { offsets in
                    let codes = codes.assumingMemoryBound(to: Int32.self)
                    let offsets = offsets.assumingMemoryBound(to: Int32.self)
                    for row in 0..<count {
                        let code = Int(codes[row])
                        total &+= isNullRow(row) ? 0 : Int(offsets[code + 1] &- offsets[code])
                        to[row + 1] = Int32(truncatingIfNeeded: total)
                    }
                }
            }
            return newOffsets.count
        }
        guard total <= Int(Int32.max) else { throw .tooLarge(type: type.description) }
        let gathered = Bytes(capacity: total) { target in
            newOffsets.withUnsafeBytes { newOffsets in
                codes.withUnsafeBytes { codes in
                    offsets.withUnsafeBytes { offsets in
                        data.withUnsafeBytes { data in
                            let to = newOffsets.assumingMemoryBound(to: Int32.self)
                            let codes = codes.assumingMemoryBound(to: Int32.self)
                            let offsets = offsets.assumingMemoryBound(to: Int32.self)
                            guard let source = data.baseAddress, let target = target.baseAddress else { return }
                            for row in 0..<count where to[row + 1] > to[row] {
                                (target + Int(to[row])).copyMemory(from: source + Int(offsets[Int(codes[row])]), byteCount: Int(to[row + 1] &- to[row]))
                            }
                        }
                    }
                }
            }
            return total
        }
        return .variable(offsets: newOffsets, data: gathered)
    }

    private func isNullRow(_ row: Int) -> Bool { nullCount > 0 && isNull(at: row) }
}
