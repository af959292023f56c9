/// Rows under headings, in columns as wide as their content and no wider than the terminal.
struct TextTable {
    enum Alignment: Sendable { case left, right }

    struct Column: Sendable {
        let title: String
        let alignment: Alignment

        init(_ title: String, _ alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }
    }

    let columns: [Column]
    private(set) var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    mutating func add(_ cells: [String]) {
        rows.append(cells.map(\.withoutControlCharacters))
    }

    /// The table with a line break behind each row. `width` is the terminal's; nil cuts nothing.
    func render(width: Int? = nil) -> String {
        let widths = fittedWidths(within: width)
        let heading = line(columns.map(\.title), widths)
        return heading + rows.map { line($0, widths) }.joined()
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        var text = ""
        for (index, (cell, width)) in zip(cells, widths).enumerated() {
            if index > 0 { text += "  " }
            let cut = cell.truncated(to: width)
            text += columns[index].alignment == .right ? cut.leftPadded(to: width) : cut.padded(to: width)
        }
        while text.last == " " { text.removeLast() }
        return text + "\n"
    }

    /// Natural widths; where they do not fit, the widest columns give way first, none below eight cells.
    private func fittedWidths(within limit: Int?) -> [Int] {
        var widths = columns.indices.map { index in
            rows.reduce(columns[index].title.displayWidth) { max($0, $1[index].displayWidth) }
        }
        guard let limit else { return widths }
        var excess = widths.reduce(0, +) + 2 * max(0, widths.count - 1) - limit
        while excess > 0, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > 8 {
            let next = widths.indices.filter { $0 != widest }.map { widths[$0] }.max() ?? 8
            let cut = min(excess, max(1, widths[widest] - max(next, 8)))
            widths[widest] -= cut
            excess -= cut
        }
        return widths
    }
}
