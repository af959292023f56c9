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
        // By bytes: a Swift character may be an underscore with something combined on top. And without pieces cut out: every object of the table comes by.
        let slash = UInt8(ascii: "/")
        var start = path.utf8.startIndex
        while start < path.utf8.endIndex {
            let first = path.utf8[start]
            if first == UInt8(ascii: "_") || first == UInt8(ascii: "."), isHidden(component: path.utf8[start...].prefix { $0 != slash }) { return true }
            guard let next = path.utf8[start...].firstIndex(of: slash) else { return false }
            start = path.utf8.index(after: next)
        }
        return false
    }

    /// Whether an upload that came to no end is none of vacuum's business: in a directory that other engines hide. The log and Levee's own state count as
    /// the table's here, since what was never finished is no part of either.
    func isHidden(upload path: String) -> Bool {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), !["_delta_log/", "_levee/"].contains(where: { path.utf8.starts(with: $0.utf8) }) else {
            return false
        }
        return isHidden(String(path[..<slash]))
    }

    private func isHidden(component: Substring.UTF8View) -> Bool {
        if component.elementsEqual("_change_data".utf8) { return false }
        return !partitionPrefixes.contains { component.starts(with: $0.utf8) }
    }
}
