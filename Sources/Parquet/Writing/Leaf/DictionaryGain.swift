import Glibc

/// Whether a dictionary pays for a column chunk, measured on its first values.
struct DictionaryGain {
    let values: Int
    let distinct: Int
    let dictionaryBytes: Int
    /// What the values take without a dictionary.
    let plainBytes: Int
    /// The most bytes that a dictionary may have.
    let limit: Int

    /// The dictionary must save this share of the bytes: it costs readers a second step.
    private static let leastSavings = 0.2

    /// Whether it pays for the values seen, or will for a chunk of `rows`.
    func isWorthwhile(rows: Int) -> Bool {
        guard values > 0, plainBytes > 0 else { return false }
        if pays(values: Double(values), distinct: Double(distinct)) { return dictionaryBytes <= limit }
        // Most of a few thousand values can be new without many more to come.
        let expected = expectedDistinct
        let bytes = expected * Double(dictionaryBytes) / Double(max(1, distinct))
        return bytes <= Double(limit) && pays(values: Double(max(values, rows)), distinct: expected)
    }

    private func pays(values count: Double, distinct: Double) -> Bool {
        let dictionary = distinct * Double(dictionaryBytes) / Double(max(1, self.distinct))
        let codes = count * Double(DictionaryBuilder.codeWidth(Int(distinct))) / 8
        return dictionary + codes <= Double(plainBytes) / Double(values) * count * (1 - Self.leastSavings)
    }

    /// How many distinct values there are if all are equally frequent: the `D` of which `values` draws show `distinct`, D(1 - exp(-n/D)).
    private var expectedDistinct: Double {
        guard distinct < values else { return .infinity }
        var low = Double(distinct)
        var high = low * 4096
        for _ in 0..<40 {
            let middle = (low * high).squareRoot()
            if middle * (1 - exp(-Double(values) / middle)) < Double(distinct) { low = middle } else { high = middle }
        }
        return high
    }
}
