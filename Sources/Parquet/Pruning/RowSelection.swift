/// Some rows of a row group, as ranges: in order, none empty, none touching the next.
public struct RowSelection: Sendable, Hashable {
    public private(set) var ranges: [Range<Int64>] = []

    /// No row.
    public init() {}

    /// One run of rows.
    public init(_ range: Range<Int64>) { append(range) }

    public var isEmpty: Bool { ranges.isEmpty }

    /// The number of rows.
    public var count: Int64 { ranges.reduce(0) { $0 + Int64($1.count) } }

    /// Adds rows that begin no earlier than the last range does.
    mutating func append(_ range: Range<Int64>) {
        guard !range.isEmpty else { return }
        if let last = ranges.last, range.lowerBound <= last.upperBound {
            ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
        } else {
            ranges.append(range)
        }
    }

    /// The rows that are in both.
    public func intersection(_ other: RowSelection) -> RowSelection {
        var result = RowSelection()
        var (left, right) = (0, 0)
        while left < ranges.count, right < other.ranges.count {
            let (a, b) = (ranges[left], other.ranges[right])
            if a.overlaps(b) { result.append(a.clamped(to: b)) }
            if a.upperBound <= b.upperBound { left += 1 } else { right += 1 }
        }
        return result
    }

    /// The rows that are in either.
    public func union(_ other: RowSelection) -> RowSelection {
        var result = RowSelection()
        for range in (ranges + other.ranges).sorted(by: { $0.lowerBound < $1.lowerBound }) { result.append(range) }
        return result
    }
}
