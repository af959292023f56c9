import Columnar

/// Tells where on the curve rows lie.
struct RowPositions: Sendable {
    private let columns: [ClusterColumn]
    private let tables: [RankTable]
    private let keys: CurveKeys

    /// - Parameter sample: the values of each column in some rows, all of the same.
    init(_ columns: [ClusterColumn], _ curve: SpaceFillingCurve, sample: [Column]) {
        self.columns = columns
        keys = CurveKeys(curve, columns: columns.count)
        let highest = keys.highestRank
        tables = sample.map { RankTable(sample: $0, highest: highest) }
    }

    /// - Parameter columns: all columns of the rows.
    func keys(of columns: [Column], rowCount: Int) -> [UInt64] {
        keys(ofLeaves: self.columns.map { $0.leaf(of: columns[$0.places[0]]) }, rowCount: rowCount)
    }

    /// - Parameter leaves: the values of each of the columns to cluster by.
    func keys(ofLeaves leaves: [Column], rowCount: Int) -> [UInt64] {
        var ranks = zip(tables, leaves).map { $0.ranks($1) }
        return keys.keys(&ranks, count: rowCount)
    }
}
