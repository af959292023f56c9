import Base
import ObjectStore

/// Where the files are that a table's log names: below the table's root, or elsewhere, named by whole URIs.
public struct TableFiles: Sendable {
    /// An object of a store.
    public struct Place: Sendable {
        public let store: any ObjectStore
        public let path: ObjectPath
        /// Not below the table's root: another table's, which maintenance of this one leaves alone.
        public let isOutside: Bool

        /// By which a person finds it.
        var description: String {
            guard isOutside else { return path.string }
            let root = store.rootDescription
            return root.hasSuffix("/") ? "\(root)\(path)" : "\(root)/\(path)"
        }
    }

    /// Of the table.
    public let store: any ObjectStore
    private let root: TableLocation?
    private let outside: OutsideStores

    public init(_ store: any ObjectStore, outside: OutsideStores = .none) {
        self.store = store
        self.outside = outside
        root = try? TableLocation(store.rootDescription)
    }

    /// The place of a data file or of a deletion vector's file.
    ///
    /// Throws ``DeltaError/unsupportedPath(path:reason:)`` for what no store can hold, and for what may not be opened.
    public func place(of path: DataPath) throws(DeltaError) -> Place {
        if let inside = try inside(path) { return Place(store: store, path: inside, isOutside: false) }
        return try outside.place(of: try location(path), path: path)
    }

    /// The object below the table's root that a path means; nil for one outside, which is not looked at any further.
    func inside(_ path: DataPath) throws(DeltaError) -> ObjectPath? {
        guard path.isAbsolute else { return try path.object(in: store) }
        guard let root else { return try? path.object(in: store) }
        let location = try location(path)
        guard location.isInside(root) else { return nil }
        do throws(ObjectStoreError) { return try ObjectPath(location.path(below: root) ?? "") } catch {
            throw .unsupportedPath(path: path.encoded, reason: error.description)
        }
    }

    private func location(_ path: DataPath) throws(DeltaError) -> TableLocation {
        do throws(ObjectStoreError) {
            return try TableLocation(path.encoded.utf8.first == UInt8(ascii: "/") ? "file://\(path.encoded)" : path.encoded)
        } catch {
            throw .unsupportedPath(path: path.encoded, reason: error.description)
        }
    }

    /// A path by which any table's log may name a file of this one.
    ///
    /// Throws ``DeltaError/unsupportedPath(path:reason:)`` where the store has no place that others could name.
    func absolute(_ path: DataPath) throws(DeltaError) -> DataPath {
        if path.isAbsolute { return path }
        guard let root else { throw .unsupportedPath(path: path.encoded, reason: "\(store.rootDescription) is no place that another table could name") }
        return DataPath(encoded: "\(root.description.hasSuffix("/") ? root.description : root.description + "/")\(DataPath.encode(path.decoded))")
    }
}
