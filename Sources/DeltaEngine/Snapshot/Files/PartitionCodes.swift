import Base

/// One partition column of a segment: a small number per row, and the text that each number stands for. Code 0 is null.
struct PartitionCodes: Sendable {
    let column: String
    let codes: [UInt32]
    /// At code minus 1.
    let texts: [String]

    func text(at row: Int) -> String? {
        guard row < codes.count, codes[row] > 0 else { return nil }
        return texts[Int(codes[row]) - 1]
    }
}

/// Fills the partition columns of a segment. Columns are found as the rows name them: the metadata may stand later in the log's newest-first order.
struct PartitionCodesBuilder {
    private struct Column {
        let name: String
        var codes: [UInt32] = []
        var texts: [String] = []
        var byText: [ExactText: UInt32] = [:]
    }

    private var columns: [Column] = []

    /// The position of the column of that name, which is new where it is not there yet.
    mutating func column(_ name: String) -> Int {
        if let place = columns.firstIndex(where: { $0.name == name }) { return place }
        columns.append(Column(name: name))
        return columns.count - 1
    }

    /// Compares without making a string; -1 where no column has that name yet.
    func column(named name: UnsafeRawBufferPointer) -> Int {
        columns.firstIndex { $0.name.utf8.elementsEqual(name) } ?? -1
    }

    /// Sets the row's value, given as bytes. Text equal to that set before, as is common, is not looked up.
    mutating func set(_ text: UnsafeRawBufferPointer?, column: Int, row: Int) {
        if let text, let last = columns[column].codes.last, last > 0, columns[column].texts[Int(last) - 1].utf8.elementsEqual(text) {
            while columns[column].codes.count < row { columns[column].codes.append(0) }
            if columns[column].codes.count == row { return columns[column].codes.append(last) }
        }
        set(text.map { String(decoding: $0, as: UTF8.self) }, column: column, row: row)
    }

    /// Sets the row's value.
    mutating func set(_ text: String?, column: Int, row: Int) {
        while columns[column].codes.count < row { columns[column].codes.append(0) }
        let code = text.map { self.code(of: $0, column) } ?? 0
        if columns[column].codes.count == row { columns[column].codes.append(code) } else { columns[column].codes[row] = code }
    }

    private mutating func code(of text: String, _ column: Int) -> UInt32 {
        if let code = columns[column].byText[ExactText(text)] { return code }
        columns[column].texts.append(text)
        let code = UInt32(columns[column].texts.count)
        columns[column].byText[ExactText(text)] = code
        return code
    }

    func finish() -> [PartitionCodes] {
        columns.map { PartitionCodes(column: $0.name, codes: $0.codes, texts: $0.texts) }
    }
}
