/// What an operation looked at to decide on its actions; a concurrent commit that changes any of it is a conflict.
public enum ReadSet: Sendable {
    /// Nothing: a blind append. (Files that the transaction removes always count as read.)
    case none
    /// These files only.
    case files(Set<DataPath>)
    /// The files there were, and any new file for which this holds: a predicate on partition values or statistics.
    case matching(files: Set<DataPath>, @Sendable (AddFile) -> Bool)
    /// All of it, with whatever is added.
    case wholeTable

    var isNone: Bool { if case .none = self { true } else { false } }

    /// Whether the operation would have read this file, had it been there.
    func wouldRead(_ file: AddFile) -> Bool {
        switch self {
        case .none, .files: false
        case let .matching(_, predicate): predicate(file)
        case .wholeTable: true
        }
    }

    /// Whether the operation has read the file.
    func hasRead(_ path: DataPath) -> Bool {
        switch self {
        case .none: false
        case let .files(paths), let .matching(paths, _): paths.contains(path)
        case .wholeTable: true
        }
    }
}
