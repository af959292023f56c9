/// How the row groups of some files become those of one file. Pure.
struct RowGroupLayout: Sendable {
    /// A row group of a source file.
    struct Source: Sendable, Hashable {
        let file: Int
        let rowGroup: Int
        let rows: Int64
        /// As it is in the file.
        let compressedBytes: Int64
    }

    /// A row group ends when it has so many rows or so many bytes: from there on, larger ones read no faster, and cost writers and readers memory.
    var rows: Int64 = 1 << 20
    var compressedBytes: Int64 = 64 << 20

    /// Source row groups in order, none split. A small rest goes with the group before it.
    func groups(_ sources: [Source]) -> [[Source]] {
        var groups: [[Source]] = []
        var current: [Source] = []
        var currentRows: Int64 = 0
        var currentBytes: Int64 = 0
        for source in sources where source.rows > 0 {
            current.append(source)
            currentRows = currentRows.saturatingAdding(source.rows)
            currentBytes = currentBytes.saturatingAdding(source.compressedBytes)
            if currentRows >= rows || currentBytes >= compressedBytes {
                groups.append(current)
                (current, currentRows, currentBytes) = ([], 0, 0)
            }
        }
        if current.isEmpty { return groups }
        if let last = groups.indices.last, currentRows < rows / 4, currentBytes < compressedBytes / 4 {
            groups[last] += current
        } else {
            groups.append(current)
        }
        return groups
    }
}
