import Base
import ObjectStore

/// Which requests fetch a set of ranges: ranges that lie near each other are fetched as one.
struct RequestPlan {
    /// What is asked of the store, ascending, each once.
    let requests: [Range<Int64>]
    /// For each range that was wanted, in the order given: the request that has it, and where in its bytes.
    let places: [(request: Int, bytes: Range<Int>)]

    /// Bytes nobody wants that are read rather than asking once more: what a store sends in less time than a request takes.
    static let largestGap: Int64 = 128 << 10
    /// Beyond this, ranges are no longer joined: a request's bytes stay in memory until the last of its ranges is done with.
    static let largestRequest: Int64 = 16 << 20

    init(_ ranges: [Range<Int64>], largestGap: Int64 = RequestPlan.largestGap, largestRequest: Int64 = RequestPlan.largestRequest) {
        var requests: [Range<Int64>] = []
        var places = [(request: Int, bytes: Range<Int>)](repeating: (0, 0..<0), count: ranges.count)
        // A range without a byte needs no request; stores refuse empty ones.
        let order = ranges.indices.filter { !ranges[$0].isEmpty }.sorted { ranges[$0].lowerBound < ranges[$1].lowerBound }
        for index in order {
            let range = ranges[index]
            if let last = requests.last, range.lowerBound - last.upperBound <= largestGap,
                max(last.upperBound, range.upperBound) - last.lowerBound <= largestRequest || range.upperBound <= last.upperBound
            {
                requests[requests.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                requests.append(range)
            }
            let start = Int(range.lowerBound - requests[requests.count - 1].lowerBound)
            places[index] = (requests.count - 1, start..<(start + range.count))
        }
        self.requests = requests
        self.places = places
    }
}

extension ParquetFile {
    /// The bytes of ranges that lie in the file, in their order, with as few requests as make sense. `place` is for the message where the store returns less.
    func fetch(_ ranges: [Range<Int64>], place: String) async throws -> [Bytes] {
        let plan = RequestPlan(ranges)
        guard !plan.requests.isEmpty else { return ranges.map { _ in .empty } }
        let fetched = try await store.get(path, ranges: plan.requests)
        var parts: [Bytes] = []
        parts.reserveCapacity(ranges.count)
        for (range, found) in zip(ranges, plan.places) {
            guard !range.isEmpty else {
                parts.append(.empty)
                continue
            }
            guard fetched.indices.contains(found.request), let part = fetched[found.request].slice(found.bytes) else {
                throw ParquetError.damaged(
                    file: path.string, place: place, offset: range.lowerBound, reason: "the store returned fewer than the \(range.count) bytes that belong here"
                )
            }
            parts.append(part)
        }
        return parts
    }
}
