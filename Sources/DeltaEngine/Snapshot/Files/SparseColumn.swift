/// A column that most tables leave empty: it costs nothing until a row has a value, and one value per row from then on.
struct SparseColumn<Value: Sendable>: Sendable {
    private var values: [Value?] = []

    var isEmpty: Bool { values.isEmpty }

    subscript(row: Int) -> Value? { row < values.count ? values[row] : nil }

    mutating func set(_ value: Value?, at row: Int) {
        guard value != nil || !values.isEmpty else { return }
        while values.count < row { values.append(nil) }
        if row == values.count { values.append(value) } else { values[row] = value }
    }
}
