import Base

/// The files that left the table and are still on record, for VACUUM and for checkpoints.
public struct TombstoneTable: Sendable, RandomAccessCollection {
    let rows: FileRows

    public var startIndex: Int { 0 }
    public var endIndex: Int { rows.count }

    public subscript(position: Int) -> TombstoneView {
        let (part, row) = rows.locate(position)
        return TombstoneView(segment: rows.parts[part].segment, row: row)
    }
}

/// One tombstone of a ``TombstoneTable``.
public struct TombstoneView: Sendable {
    let segment: FileSegment
    let row: Int

    public var path: DataPath { segment.path(row) }

    /// The path's bytes as the log has them, without a text made of them.
    var encodedPath: Bytes { segment.arena.bytes(segment.paths[row]) }

    /// Milliseconds since the epoch; one without counts as expired.
    public var deletionTimestamp: Int64? { segment.flags[row].contains(.hasTime) ? segment.times[row] : nil }

    public var dataChange: Bool { segment.flags[row].contains(.dataChange) }
    public var extendedFileMetadata: Bool { segment.flags[row].contains(.extended) }
    public var size: Int64? { segment.flags[row].contains(.hasSize) ? segment.sizes[row] : nil }

    /// The value of a partition column as the log has it; nil for null, and where the action did not carry it.
    public func partitionValue(_ column: String) -> String? {
        segment.partitions.first { $0.column.hasSameBytes(as: column) }?.text(at: row)
    }

    public var deletionVector: DeletionVectorDescriptor? { segment.deletionVectors[row] }
    public var baseRowId: Int64? { segment.baseRowIds[row] }
    public var defaultRowCommitVersion: Int64? { segment.defaultRowCommitVersions[row] }

    /// Whether the file may still be needed by readers of older versions: its deletion is not longer ago than `retention`.
    public func isRetained(at now: Timestamp, retention: Duration) -> Bool {
        guard let deletionTimestamp else { return false }
        return Timestamp(milliseconds: deletionTimestamp) > now - retention
    }
}
