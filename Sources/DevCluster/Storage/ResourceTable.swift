import Base

/// A change as watches see it.
struct StoreEvent: Sendable {
    enum Kind: String, Sendable {
        case added = "ADDED"
        case modified = "MODIFIED"
        case deleted = "DELETED"
    }

    let kind: Kind
    let revision: UInt64
    let key: StoredKey
    /// The new content; of a deleted object the last, with the deletion's resource version.
    let object: JSONValue
    /// What was there before; nil for an added object.
    let previous: JSONValue?
}

/// The objects of one resource and the recent changes to them.
struct ResourceTable: Sendable {
    /// Changes that are remembered for watches and pages; older ones answer 410.
    static let historyLimit = 8192

    private(set) var objects: [String: JSONValue] = [:]
    /// The keys of `objects` in order, for lists and pages.
    private(set) var paths: [String] = []
    private var history: [StoreEvent] = []
    /// Changes up to and including this revision are forgotten.
    private(set) var forgottenRevision: UInt64

    init(forgottenRevision: UInt64) { self.forgottenRevision = forgottenRevision }

    mutating func load(_ path: String, _ object: JSONValue) {
        if objects.updateValue(object, forKey: path) == nil { paths.insert(path, at: place(of: path)) }
    }

    /// Applies a change; nil where it removes what was not there.
    mutating func apply(_ change: StateChange) -> StoreEvent? {
        let path = change.key.path
        let previous = objects[path]
        let event: StoreEvent
        if let object = change.object {
            objects[path] = object
            if previous == nil { paths.insert(path, at: place(of: path)) }
            event = StoreEvent(kind: previous == nil ? .added : .modified, revision: change.revision, key: change.key, object: object, previous: previous)
        } else {
            guard var last = previous else { return nil }
            objects[path] = nil
            paths.remove(at: place(of: path))
            last.setMeta("resourceVersion", .string("\(change.revision)"))
            event = StoreEvent(kind: .deleted, revision: change.revision, key: change.key, object: last, previous: previous)
        }
        history.append(event)
        if history.count > Self.historyLimit * 5 / 4 {
            let dropped = history.count - Self.historyLimit
            forgottenRevision = history[dropped - 1].revision
            history.removeFirst(dropped)
        }
        return event
    }

    /// Changes after `revision`; nil where some of them are forgotten.
    func events(after revision: UInt64) -> ArraySlice<StoreEvent>? {
        guard revision >= forgottenRevision else { return nil }
        var low = 0
        var high = history.count
        while low < high {
            let middle = (low + high) / 2
            if history[middle].revision <= revision { low = middle + 1 } else { high = middle }
        }
        return history[low...]
    }

    /// The table as it was at `revision`; nil where that is forgotten. Later pages of a list come from the state of its first.
    func state(at revision: UInt64) -> ResourceTable? {
        guard let later = events(after: revision) else { return nil }
        var table = self
        for event in later.reversed() {
            let path = event.key.path
            if let previous = event.previous {
                if table.objects.updateValue(previous, forKey: path) == nil { table.paths.insert(path, at: table.place(of: path)) }
            } else if table.objects.removeValue(forKey: path) != nil {
                table.paths.remove(at: table.place(of: path))
            }
        }
        return table
    }

    /// The index of `path`, or where it would be inserted.
    func place(of path: String) -> Int {
        var low = 0
        var high = paths.count
        while low < high {
            let middle = (low + high) / 2
            if paths[middle] < path { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
