/// Which objects below a table's root vacuum looks at at all, by their names.
struct VacuumNames: Sendable {
    /// How partition directories begin: the column's name, as it is and escaped, and `=`.
    private let partitionPrefixes: [String]

    init(partitionColumns: [String]) {
        partitionPrefixes = partitionColumns.flatMap { [$0 + "=", PartitionPath.escape($0) + "="] }
    }

    /// Whether the object is none of vacuum's business: the log, and whatever else engines hide behind a `_` or a `.` (indexes, checksums, Levee's
    /// own state). Partition directories of columns with such names, and change data, are not hidden.
    func isHidden(_ path: String) -> Bool {
        // By bytes: a Swift character may be an underscore with something combined on top.
        path.utf8.split(separator: UInt8(ascii: "/")).contains { component in
            guard component.first == UInt8(ascii: "_") || component.first == UInt8(ascii: ".") else { return false }
            if component.elementsEqual("_change_data".utf8) { return false }
            return !partitionPrefixes.contains { component.starts(with: $0.utf8) }
        }
    }
}
