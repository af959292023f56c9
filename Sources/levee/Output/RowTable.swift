import Base
import Columnar
import DeltaEngine

/// Rows for a person to read, null shown as ∅.
struct RowTable {
    private let width: Int?

    init(width: Int?) { self.width = width }

    /// The table of these rows, with headings.
    func render(_ batch: ColumnBatch) -> String {
        var table = TextTable(batch.schema.fields.map { TextTable.Column($0.name, $0.type.isNumeric ? .right : .left) })
        for row in 0..<batch.rowCount {
            table.add(batch.columns.map { column in column.value(at: row).map { ValueText.plain($0, type: column.type) } ?? "∅" })
        }
        return table.render(width: width)
    }
}

extension DataType {
    fileprivate var isNumeric: Bool {
        switch self {
        case .byte, .short, .integer, .long, .float, .double, .decimal: true
        default: false
        }
    }
}
