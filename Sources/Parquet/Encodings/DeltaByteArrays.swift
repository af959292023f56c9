import Base

/// DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY (Encodings.md).
enum DeltaByteArrays {
    /// All lengths, then all bytes.
    static func decodeLengths(_ input: Bytes, maximum: Int, limits: ReadLimits) throws(Damage) -> Bytes {
        let (lengths, used) = try DeltaBinaryPacked.decode(input, as: Int32.self, maximum: maximum, limits: limits)
        let bytes = input.dropFirst(used)
        return try lengths.withUnsafeBytes { (lengths) throws(Damage) in
            let lengths = lengths.assumingMemoryBound(to: Int32.self)
            var total = 0
            for length in lengths {
                guard length >= 0 else { throw Damage("a value of \(length) bytes") }
                total += Int(length)
            }
            guard total <= bytes.count else { throw Damage("values of \(total) bytes in \(bytes.count)") }
            return Bytes(capacity: total + lengths.count * 4) { target in
                bytes.withUnsafeBytes { source in
                    guard let from = source.baseAddress, let to = target.baseAddress else { return }
                    var read = 0
                    var written = 0
                    for length in lengths {
                        to.storeBytes(of: length, toByteOffset: written, as: Int32.self)
                        (to + written + 4).copyMemory(from: from + read, byteCount: Int(length))
                        read += Int(length)
                        written += 4 + Int(length)
                    }
                }
                return target.count
            }
        }
    }

    /// Each value's bytes in common with the one before it, then the rest of each as DELTA_LENGTH_BYTE_ARRAY.
    ///
    /// The result has a length before each value unless all have `fixedLength`.
    static func decodePrefixes(_ input: Bytes, maximum: Int, fixedLength: Int?, limits: ReadLimits) throws(Damage) -> Bytes {
        let (prefixes, used) = try DeltaBinaryPacked.decode(input, as: Int32.self, maximum: maximum, limits: limits)
        let suffixes = try decodeLengths(input.dropFirst(used), maximum: maximum, limits: limits)
        let header = fixedLength == nil ? 4 : 0
        return try prefixes.withUnsafeBytes { (prefixes) throws(Damage) in
            let prefixes = prefixes.assumingMemoryBound(to: Int32.self)
            return try suffixes.withUnsafeBytes { (source) throws(Damage) in
                // First the sizes: long prefixes can blow up a small input.
                var total = 0
                var read = 0
                var previous = 0
                for prefix in prefixes {
                    guard read < source.count else { throw Damage("more prefixes than values") }
                    let suffix = Int(source.loadUnaligned(fromByteOffset: read, as: Int32.self))
                    guard prefix >= 0, Int(prefix) <= previous else { throw Damage("a prefix of \(prefix) bytes of a value of \(previous)") }
                    previous = Int(prefix) + suffix
                    if let fixedLength, previous != fixedLength { throw Damage("a value of \(previous) bytes in a column of \(fixedLength)") }
                    read += 4 + suffix
                    total += header + previous
                    guard total <= limits.pageBytes else { throw Damage.tooLarge(total, limit: limits.pageBytes) }
                }
                guard read == source.count else { throw Damage("more values than prefixes") }
                return Bytes(capacity: total) { target in
                    guard let from = source.baseAddress, let to = target.baseAddress else { return 0 }
                    var read = 0
                    var written = 0
                    var previousStart = 0
                    for prefix in prefixes {
                        let suffix = Int(from.loadUnaligned(fromByteOffset: read, as: Int32.self))
                        let length = Int(prefix) + suffix
                        if header > 0 { to.storeBytes(of: Int32(truncatingIfNeeded: length), toByteOffset: written, as: Int32.self) }
                        let start = written + header
                        (to + start).copyMemory(from: to + previousStart, byteCount: Int(prefix))
                        (to + start + Int(prefix)).copyMemory(from: from + read + 4, byteCount: suffix)
                        previousStart = start
                        written = start + length
                        read += 4 + suffix
                    }
                    return written
                }
            }
        }
    }
}
