import Columnar

/// Which columns of a table have minimum, maximum and null count in each file's statistics.
struct StatisticsColumns: Sendable {
    /// How many leaf columns are covered when the table does not say.
    static let defaultCount = 32

    /// Paths of the leaf columns covered, of the names in files from the top down.
    private let paths: Set<[String]>

    /// - Parameters:
    ///   - dataFields: the table's columns that are in its files, in the table's order.
    ///   - configuration: the table's properties; `delta.dataSkippingStatsColumns` (names separated by commas, a struct's means all below it) goes
    ///     before `delta.dataSkippingNumIndexedCols` (the first so many leaves, -1 all).
    ///   - always: paths, of the names that files have, that are covered whatever the properties say: a struct's means all below it.
    ///   - storedName: what files call a field.
    init(
        dataFields: [Field], configuration: [String: String], always: [[String]] = [], storedName: (Field) -> String = { $0.name }
    ) {
        let leaves = Self.leaves(of: dataFields, below: ([], []), storedName)
        let covered: ArraySlice<(name: [String], stored: [String])>
        if let list = configuration["delta.dataSkippingStatsColumns"] {
            let wanted = Self.columnNames(in: list)
            covered = leaves.filter { leaf in wanted.contains { Self.isSame($0, leaf.name.prefix($0.count)) } }[...]
        } else {
            let count = configuration["delta.dataSkippingNumIndexedCols"].flatMap { Int($0) } ?? Self.defaultCount
            covered = count < 0 ? leaves[...] : leaves.prefix(count)
        }
        let asked = leaves.filter { leaf in always.contains { $0.elementsEqual(leaf.stored.prefix($0.count)) } }
        paths = Set(covered.map(\.stored)).union(asked.map(\.stored))
    }

    func includes(_ path: [String]) -> Bool { paths.contains(path) }

    /// A struct's fields count one by one; a list, map or variant as a whole.
    private static func leaves(
        of fields: [Field], below parent: (name: [String], stored: [String]), _ storedName: (Field) -> String
    ) -> [(name: [String], stored: [String])] {
        fields.flatMap { field in
            let path = (name: parent.name + [field.name], stored: parent.stored + [storedName(field)])
            if case .structure(let children) = field.type, !field.type.isVariant { return leaves(of: children, below: path, storedName) }
            return [path]
        }
    }

    /// Column names are matched as Spark does, whatever their case.
    private static func isSame(_ left: [String], _ right: ArraySlice<String>) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { $0.lowercased() == $1.lowercased() }
    }

    /// `a, b.c, `odd,name`` into paths: back-ticks hold commas and dots together.
    private static func columnNames(in list: String) -> [[String]] {
        var names: [[String]] = []
        var path: [String] = []
        var name = ""
        var isQuoted = false
        func trimmed(_ text: String) -> String { String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
        for character in list + "," {
            switch character {
            case "`": isQuoted.toggle()
            case "," where !isQuoted, "." where !isQuoted:
                path.append(trimmed(name))
                name = ""
                if character == "," {
                    if path != [""] { names.append(path) }
                    path = []
                }
            default: name.append(character)
            }
        }
        return names
    }
}
