import Base

/// Reads ranges of one object with few requests, several in flight: near ones are fetched together, large ones in parts.
struct RangedReader: Sendable {
    /// What one request brought.
    enum Part: Sendable {
        /// - Parameters:
        ///   - start: where in the object the bytes begin; 0 where the server sent all of it instead of the range.
        ///   - size: the whole object's.
        ///   - tag: the object's version, to see that all parts are of the same one.
        case bytes(Bytes, start: Int64, size: Int64, tag: String?)
        /// The range starts at or behind the object's end.
        case beyond(size: Int64)
    }

    struct Limits: Sendable {
        /// Fetching so many bytes for nothing is cheaper than another request.
        var gap: Int64 = 512 << 10
        /// Of ``MultipartRules/partSize`` for the same reason.
        var partSize: Int64 = 7 << 20
        var parallel = 8
    }

    /// For messages.
    let target: String
    var limits = Limits()
    let fetch: @Sendable (Range<Int64>) async throws -> Part

    /// All of the object where `range` is nil; see ``ObjectStore/get(_:range:)``.
    func read(_ range: Range<Int64>?) async throws -> Bytes {
        if let range { return try await read([range]).first ?? .empty }
        let first = 0..<limits.partSize
        guard case let .bytes(head, start, size, tag) = try await fetch(first) else { return .empty }
        try check(head, start: start, asked: first, size: size)
        if Int64(head.count) == size { return head }
        let rest = try await fetched(split(Int64(head.count)..<size))
        return try assemble(0..<size, from: [Fetched(start: 0, bytes: head)] + rest.parts, size: size, tags: rest.tags.union(tag.map { [$0] } ?? []), rest.size)
    }

    /// In the order asked for; see ``ObjectStore/get(_:ranges:)``.
    func read(_ ranges: [Range<Int64>]) async throws -> [Bytes] {
        if let bad = ranges.first(where: { $0.lowerBound < 0 }) { throw ObjectStoreError.invalidRange(path: target, start: bad.lowerBound, size: 0) }
        let outcome = try await fetched(coalesced(ranges).flatMap(split))
        guard outcome.tags.count <= 1, let size = outcome.size else {
            if ranges.isEmpty { return [] }
            throw changed()
        }
        return try ranges.map { range in
            guard range.lowerBound <= size else { throw ObjectStoreError.invalidRange(path: target, start: range.lowerBound, size: size) }
            return try assemble(
                range.lowerBound..<min(max(range.upperBound, range.lowerBound), size), from: outcome.parts, size: size, tags: outcome.tags, size)
        }
    }

    private struct Fetched: Sendable {
        var start: Int64
        var bytes: Bytes
        var end: Int64 { start + Int64(bytes.count) }
    }

    private struct Outcome {
        var parts: [Fetched] = []
        var tags: Set<String> = []
        /// Nil where parts disagree, or there are none.
        var size: Int64?
    }

    /// What to ask for, ascending. An empty range asks for a byte: whether its place exists is part of the answer.
    func coalesced(_ ranges: [Range<Int64>]) -> [Range<Int64>] {
        var result: [Range<Int64>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            let wanted = range.lowerBound..<max(range.upperBound, range.lowerBound + 1)
            if let last = result.last, wanted.lowerBound - last.upperBound <= limits.gap {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, wanted.upperBound)
            } else {
                result.append(wanted)
            }
        }
        return result
    }

    /// Parts of about equal size.
    func split(_ range: Range<Int64>) -> [Range<Int64>] {
        // A range may claim any end ("to the last byte"); what lies behind the object costs no requests beyond the first that finds it missing.
        let count = Int64(range.count)
        guard count > limits.partSize else { return [range] }
        return stride(from: range.lowerBound, to: range.upperBound, by: Int64.Stride(limits.partSize)).prefix(100_000).map {
            $0..<min($0 + limits.partSize, range.upperBound)
        }
    }

    private func fetched(_ ranges: [Range<Int64>]) async throws -> Outcome {
        var outcome = Outcome()
        var sizes: Set<Int64> = []
        // The first one tells the size, so that those behind the end are not asked for.
        var rest = ranges[...]
        if let first = rest.first, rest.count > limits.parallel {
            let part = try await fetch(first)
            rest = rest.dropFirst()
            try take(part, first, &outcome, &sizes)
            if let size = sizes.first { rest = rest.filter { $0.lowerBound < size }[...] }
        }
        let asked = Array(rest)
        let parts = try await concurrentMap(asked, limit: limits.parallel) { try await fetch($0) }
        for (part, range) in zip(parts, asked) { try take(part, range, &outcome, &sizes) }
        outcome.size = sizes.count == 1 ? sizes.first : nil
        if sizes.count > 1 || outcome.tags.count > 1 { throw changed() }
        return outcome
    }

    private func take(_ part: Part, _ range: Range<Int64>, _ outcome: inout Outcome, _ sizes: inout Set<Int64>) throws {
        switch part {
        case let .bytes(bytes, start, size, tag):
            try check(bytes, start: start, asked: range, size: size)
            outcome.parts.append(Fetched(start: start, bytes: bytes))
            sizes.insert(size)
            if let tag { outcome.tags.insert(tag) }
        case let .beyond(size): sizes.insert(size)
        }
    }

    /// What came must be what was asked for, as far as the object has it.
    private func check(_ bytes: Bytes, start: Int64, asked: Range<Int64>, size: Int64) throws {
        let end = start + Int64(bytes.count)
        guard start >= 0, start <= asked.lowerBound, end >= min(asked.upperBound, size), end <= size else {
            throw ObjectStoreError.failed(
                path: target, operation: "reading",
                message: "asked for bytes \(asked.lowerBound) to \(asked.upperBound), the server sent \(start) to \(end) of \(size)", retryable: true)
        }
    }

    private func assemble(_ range: Range<Int64>, from parts: [Fetched], size: Int64, tags: Set<String>, _ otherSize: Int64?) throws -> Bytes {
        guard tags.count <= 1, otherSize == nil || otherSize == size else { throw changed() }
        if range.isEmpty { return .empty }
        if let part = parts.first(where: { $0.start <= range.lowerBound && $0.end >= range.upperBound }) {
            return part.bytes.dropFirst(Int(range.lowerBound - part.start)).prefix(range.count)
        }
        return try Bytes(capacity: range.count) { target in
            var filled = range.lowerBound
            for part in parts.sorted(by: { $0.start < $1.start }) where part.end > filled && part.start < range.upperBound {
                guard part.start <= filled else { throw changed() }
                let piece = part.bytes.dropFirst(Int(filled - part.start)).prefix(Int(range.upperBound - filled))
                piece.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[Int(filled - range.lowerBound)...]).copyMemory(from: $0) }
                filled += Int64(piece.count)
            }
            guard filled == range.upperBound else { throw changed() }
            return range.count
        }
    }

    private func changed() -> ObjectStoreError {
        .failed(path: target, operation: "reading", message: "the object was replaced while it was being read", retryable: true)
    }
}
