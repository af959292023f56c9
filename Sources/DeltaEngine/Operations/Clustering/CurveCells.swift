/// Stretches of a curve that hold about as many rows each, and begin where a cell of the curve does: for files to be made of. Pure.
///
/// Where the columns know nothing of each other, halves, quarters, eighths … of the rows are cells, but for what a sample is wrong by.
struct CurveCells: Sendable {
    /// Where the second and later ones begin, ascending; nil where too many rows have one key.
    let starts: [UInt64?]

    /// Beyond, files are not cut at cells: with so many of them a lookup leaves out most of them however they are cut.
    private static let most = 1024
    /// How far from an equal share a cell is looked for, as parts of a stretch, so that two make a file of at least half of the target size; and as a part of all
    /// rows, several times what a sample of 200,000 is wrong by.
    private static let reach = (ofStretch: 6, ofAll: 250)

    /// - Parameters:
    ///   - sample: positions of sampled rows, ascending.
    ///   - files: a power of two; there are twice as many stretches, for files that come out otherwise.
    init(sample: [UInt64], files: Int64) {
        let count = Int(min(Int64(Self.most), files * 2))
        let reach = min(sample.count / (count * Self.reach.ofStretch), sample.count / Self.reach.ofAll)
        starts = (1..<count).map { index in
            let middle = sample.count * index / count
            var best: (change: UInt64, distance: Int, start: UInt64)?
            for place in max(1, middle - reach)..<max(1, min(sample.count, middle + reach + 1)) {
                // The highest bit that differs tells how large the cells are that end here.
                let difference = sample[place - 1] ^ sample[place]
                guard difference != 0 else { continue }
                let change = UInt64(1) << UInt64(UInt64.bitWidth - 1 - difference.leadingZeroBitCount)
                let distance = abs(place - middle)
                if let best, (best.change, -best.distance) >= (change, -distance) { continue }
                best = (change, distance, sample[place] & ~(change - 1))
            }
            return best?.start
        }
    }

    /// After how many rows each stretch ends.
    ///
    /// - Parameters:
    ///   - rows: in each of the ranges.
    ///   - ranges: that ``starts`` are among.
    func ends(_ rows: [Int], of ranges: KeyRanges) -> [Int64] {
        var before: [UInt64: Int64] = [:]
        var total: Int64 = 0
        for (range, count) in rows.enumerated() {
            before[ranges.range(range).lowerBound] = total
            total += Int64(count)
        }
        var ends: [Int64] = []
        for (index, start) in starts.enumerated() {
            let end = start.flatMap { before[$0] } ?? FileCuts.part(Int64(index + 1), of: Int64(starts.count + 1), total)
            ends.append(max(end, ends.last ?? 0))
        }
        return ends + [total]
    }
}
