import Base
import ObjectStore

/// Opens the places outside of a table's own root that its log names by whole URIs, as a shallow clone's does: only those that whoever runs the engine
/// allows, for a log is written by others.
///
/// A place is opened once, however many files lie in it.
public final class OutsideStores: Sendable {
    public typealias Opener = @Sendable (TableLocation) throws(ObjectStoreError) -> any ObjectStore

    private enum Reach: Sendable {
        case anywhere
        case below([TableLocation], reason: String)
    }

    private let reach: Reach
    private let open: Opener
    private let opened = Lock<[TableLocation: any ObjectStore]>([:])

    private init(_ reach: Reach, open: @escaping Opener) {
        self.reach = reach
        self.open = open
    }

    /// Nothing outside of the table is opened.
    public static let none = OutsideStores(below: [], reason: "nothing outside of the table's own directory may be opened here") {
        (location: TableLocation) throws(ObjectStoreError) -> any ObjectStore in
        throw .unsupportedLocation(location: location.description, reason: "nothing is opened here")
    }

    /// Whatever the opener opens: for a person who works with their own rights.
    ///
    /// - Parameter open: opens a bucket, a container, or the root of this machine's files.
    public static func anywhere(open: @escaping Opener) -> OutsideStores { OutsideStores(.anywhere, open: open) }

    /// Only what lies below these places; everything else is refused before it is touched.
    ///
    /// - Parameters:
    ///   - reason: why not, in words that follow "it lies outside of the table's own directory, and".
    ///   - open: opens one of the places.
    public init(below roots: [TableLocation], reason: String, open: @escaping Opener) {
        reach = .below(roots, reason: reason)
        self.open = open
    }

    /// Where an object is that is named whole. Throws ``DeltaError/unsupportedPath(path:reason:)`` for one out of reach.
    func place(of location: TableLocation, path: DataPath) throws(DeltaError) -> TableFiles.Place {
        let root: TableLocation
        switch reach {
        case .anywhere: root = location.container
        case let .below(roots, reason):
            guard let found = roots.first(where: { location.isInside($0) }) else {
                throw .unsupportedPath(path: path.encoded, reason: "it lies outside of the table's own directory, and \(reason)")
            }
            root = found
        }
        guard let relative = location.path(below: root) else { throw .unsupportedPath(path: path.encoded, reason: "it names no file") }
        do throws(ObjectStoreError) {
            let object = try ObjectPath(relative)
            return TableFiles.Place(store: try store(root), path: object, isOutside: true)
        } catch {
            throw .unsupportedPath(path: path.encoded, reason: error.description)
        }
    }

    /// A table outside, under the same rules as its files.
    public func table(at location: TableLocation) throws(ObjectStoreError) -> any ObjectStore {
        if case let .below(roots, reason) = reach, !roots.contains(where: { location.isInside($0) }) {
            throw .unsupportedLocation(location: location.description, reason: reason)
        }
        return try open(location)
    }

    private func store(_ root: TableLocation) throws(ObjectStoreError) -> any ObjectStore {
        try opened.withLock { opened throws(ObjectStoreError) in
            if let store = opened[root] { return store }
            let store = try open(root)
            opened[root] = store
            return store
        }
    }
}
