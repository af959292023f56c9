/// A line through all cells of a grid of ranks, along which rows are laid: near cells come to lie near each other, whichever column one goes by.
public enum SpaceFillingCurve: String, Sendable, Hashable, CaseIterable {
    /// Morton's: the bits of the ranks in turn. It jumps, and costs next to nothing.
    case zorder
    /// Hilbert's: each cell touches the one before, so that a stretch of it has less surface.
    case hilbert
}

/// Positions on a curve for rows of ranks. Pure.
struct CurveKeys: Sendable {
    let curve: SpaceFillingCurve
    let columns: Int
    /// Of each rank.
    let bits: Int
    /// By column, for each rank its bits at the places where the position has them: the first column's are the highest of each group.
    private let spread: [[UInt64]]

    /// Ranks of more bits would only make the tables outgrow the cache: with twelve for each of two columns there are 16 million cells.
    private static let mostBits = 12
    /// A single column has no cells to make, and its ranks should tell as many values apart as the sample does.
    private static let bitsOfOne = 16
    /// Beyond, a column would have less than two bits, and clustering by it no effect.
    static let mostColumns = 30

    /// - Parameter bits: nil for as many as make sense.
    init(_ curve: SpaceFillingCurve, columns: Int, bits: Int? = nil) {
        self.curve = curve
        self.columns = columns
        let bits = bits ?? (columns == 1 ? Self.bitsOfOne : min(Self.mostBits, 60 / max(1, columns)))
        self.bits = bits
        spread =
            columns == 1
            ? []
            : (0..<columns).map { column in
                (0..<(1 << bits)).map { rank in
                    (0..<bits).reduce(UInt64(0)) { $0 | UInt64((rank >> $1) & 1) << UInt64($1 * columns + columns - 1 - column) }
                }
            }
    }

    /// The largest rank.
    var highestRank: Int { (1 << bits) - 1 }

    /// - Parameter ranks: a column of ranks each, all of `count` rows, none above ``highestRank``. Hilbert's curve leaves other numbers in them.
    func keys(_ ranks: inout [[UInt16]], count: Int) -> [UInt64] {
        if columns == 1 { return ranks[0].prefix(count).map(UInt64.init) }
        if curve == .hilbert { Self.transpose(&ranks, bits: bits, count: count) }
        return [UInt64](unsafeUninitializedCapacity: count) { keys, filled in
            keys.initialize(repeating: 0)
            for column in 0..<columns {
                spread[column].withUnsafeBufferPointer { spread in
                    ranks[column].withUnsafeBufferPointer { ranks in
                        for row in 0..<count { keys[row] |= spread[Int(ranks[row])] }
                    }
                }
            }
            filled = count
        }
    }

    /// Coordinates to the transposed position on Hilbert's curve, after J. Skilling, "Programming the Hilbert curve" (2004): undo the turns and
    /// reflections of the sub-cubes from the largest down, then take the Gray code back.
    private static func transpose(_ ranks: inout [[UInt16]], bits: Int, count: Int) {
        let columns = ranks.count
        let top = UInt16(1) << UInt16(bits - 1)
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: columns) { x in
            for row in 0..<count {
                for column in 0..<columns { x[column] = ranks[column][row] }
                var bit = top
                while bit > 1 {
                    let below = bit &- 1
                    for column in 0..<columns {
                        if x[column] & bit != 0 {
                            x[0] ^= below
                        } else {
                            let swap = (x[0] ^ x[column]) & below
                            x[0] ^= swap
                            x[column] ^= swap
                        }
                    }
                    bit >>= 1
                }
                for column in 1..<columns { x[column] ^= x[column - 1] }
                var turn: UInt16 = 0
                bit = top
                while bit > 1 {
                    if x[columns - 1] & bit != 0 { turn ^= bit &- 1 }
                    bit >>= 1
                }
                for column in 0..<columns { ranks[column][row] = x[column] ^ turn }
            }
        }
    }
}
