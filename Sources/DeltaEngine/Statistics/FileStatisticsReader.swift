import Base
import Columnar

/// Looks up single columns in a file's statistics. What they lack, or have in another form than the column's type, is not known.
struct FileStatisticsReader {
    private let text: Bytes
    private let members: [StatisticsText.Member]

    init(_ text: Bytes?) {
        // A copy brings the padding that the scanner reads into.
        self.text = text ?? .empty
        members = self.text.withUnsafeBytes { StatisticsText.members($0, 0..<$0.count) } ?? []
    }

    /// The rows of the file, those that a deletion vector takes away included.
    var rowCount: Int64? { integer(range("numRecords", in: members)) }

    /// What is known of a column of the data files; nil where that is nothing.
    func facts(_ column: String, _ type: DataType) -> ColumnFacts? { facts([column], type) }

    /// As ``facts(_:_:)-(String,_)`` for a field of a struct, by the names from the top down.
    func facts(_ column: [String], _ type: DataType) -> ColumnFacts? {
        guard !members.isEmpty else { return nil }
        func value(_ side: String) -> Scalar? {
            range(side, column).flatMap { range in text.withUnsafeBytes { StatisticsText.scalar($0, range, type) } }
        }
        return ColumnFacts(
            minimum: value("minValues"), maximum: value("maxValues"), nullCount: integer(range("nullCount", column)), rowCount: rowCount, type: type)
    }

    private func range(_ member: String, _ column: [String]) -> Range<Int>? {
        var found = range(member, in: members)
        for name in column {
            guard let outer = found else { return nil }
            found = text.withUnsafeBytes { StatisticsText.members($0, outer) }.flatMap { range(name, in: $0) }
        }
        return found
    }

    private func range(_ name: String, in members: [StatisticsText.Member]) -> Range<Int>? { members.last { $0.name.hasSameBytes(as: name) }?.range }

    private func integer(_ range: Range<Int>?) -> Int64? {
        guard let range, case let .integer(value)? = text.withUnsafeBytes({ StatisticsText.scalar($0, range, .long) }), value >= 0 else { return nil }
        return value
    }
}
