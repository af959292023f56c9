/// What an operation wants to do to a table; the feature registry answers for each feature.
public enum Access: String, Sendable, Hashable, CaseIterable {
    /// Read rows.
    case read
    /// Add rows, remove none.
    case append
    /// Change rows.
    case rewrite
    /// Take rows away and change none. Those that stay may move to other files.
    case delete
    /// Rearrange rows without changing any (OPTIMIZE): every action has `dataChange` false.
    case maintain
    /// Put the table back to an older version: files and metadata that it had come again as they were.
    case restore
    /// Take another table's files and metadata over as they are; asked of both tables.
    case clone
    /// Delete files that no version in retention refers to, and record it.
    case vacuum
    /// Change schema or partitioning.
    case metadataChange
    /// Change properties, with the features that they need.
    case properties
    /// Keep the log: write checkpoints and compacted commits of what is there, remove what has expired.
    case checkpoint
    /// List the data files for engines that know nothing of Delta.
    case manifest

    /// Whether it puts something into the log or takes files away, so that writer features matter.
    var isWrite: Bool { self != .read && self != .manifest }

    /// Whether it opens data files.
    var readsData: Bool { self == .read || self == .rewrite || self == .delete || self == .maintain }
}

extension Access: CustomStringConvertible {
    /// How messages name it at the start of a sentence.
    public var description: String {
        switch self {
        case .read: "reading was"
        case .append: "appending was"
        case .rewrite: "changing rows was"
        case .delete: "deleting rows was"
        case .maintain: "rewriting files was"
        case .restore: "restoring was"
        case .clone: "cloning was"
        case .vacuum: "vacuuming was"
        case .metadataChange: "changing the metadata was"
        case .properties: "changing the properties was"
        case .checkpoint: "checkpointing was"
        case .manifest: "listing the files in a manifest was"
        }
    }
}
