import Base

/// Where a table's bytes live. Every backend behaves the same behind this protocol; the conformance suite in the tests says what that is.
///
/// Paths are relative to the store's root (see ``ObjectPath``). All calls may be made concurrently, and end promptly with
/// `CancellationError` when their task is cancelled. Errors are ``ObjectStoreError``.
public protocol ObjectStore: Sendable {
    /// The root as a URL a person would write (`file:///data/orders`), for messages. Never holds a credential.
    var rootDescription: String { get }

    /// Whether of several that race for a path, by ``write(_:)`` or by a put-if-absent, exactly one wins. Where it is false a store that forgets the condition when
    /// parts are put together may overwrite another's object: data files have names of their own, but commits must be put.
    var winsPathsInParts: Bool { get }

    /// Size and times of one object. Throws ``ObjectStoreError/notFound(path:)``.
    func head(_ path: ObjectPath) async throws -> ObjectInfo

    /// The object's bytes, or those in `range` (a range past the end is cut to the object's size; one that starts past it is an error).
    func get(_ path: ObjectPath, range: Range<Int64>?) async throws -> Bytes

    /// Several ranges of one object, in the order asked for; near ones may be fetched as one request.
    func get(_ path: ObjectPath, ranges: [Range<Int64>]) async throws -> [Bytes]

    /// Writes a whole object atomically: a reader sees the old content, or all of the new. Durable when it returns.
    ///
    /// With ``PutMode/ifAbsent`` exactly one of any number of racing writers wins; the others get ``ObjectStoreError/alreadyExists(path:)``.
    func put(_ path: ObjectPath, _ bytes: Bytes, mode: PutMode) async throws

    /// Opens a new object for writing in pieces. Nothing can be seen under `path` before ``ObjectWriter/finish()``.
    func write(_ path: ObjectPath) async throws -> any ObjectWriter

    /// The objects whose path starts with `prefix`, in ascending byte order of their paths, those after `startAfter` only.
    ///
    /// `prefix` ends with `/` or is empty for a "directory"; a missing one lists as empty. Pages hold at most a few thousand entries, so that
    /// memory does not grow with the listing.
    func list(prefix: String, startAfter: String?) -> any ObjectListing

    /// Deletes objects; one that is not there counts as deleted. Returns those that could not be, each with its error.
    func delete(_ paths: [ObjectPath]) async throws -> [(path: ObjectPath, error: ObjectStoreError)]

    /// Has the service copy an object of another store to a path, only where none is, so that no bytes pass through this process. False, with nothing done,
    /// where these two stores cannot; see ``ObjectCopy``.
    ///
    /// Throws ``ObjectStoreError/alreadyExists(path:)``.
    func copy(_ source: ObjectPath, of store: any ObjectStore, sizeInBytes: Int64, to path: ObjectPath) async throws -> Bool

    /// Writes of large objects that were begun before `time` and came to no end: their writers were killed. They show in no listing, and are paid for.
    /// Empty where the service drops them by itself.
    func unfinishedUploads(begunBefore time: Timestamp) async throws -> [UnfinishedUpload]

    /// Gives up uploads that ``unfinishedUploads(begunBefore:)`` named; one that has ended by now is given up already. Returns how many could not be.
    func giveUp(_ uploads: [UnfinishedUpload]) async throws -> Int
}

extension ObjectStore {
    public var winsPathsInParts: Bool { false }

    public func get(_ path: ObjectPath) async throws -> Bytes { try await get(path, range: nil) }

    public func copy(_ source: ObjectPath, of store: any ObjectStore, sizeInBytes: Int64, to path: ObjectPath) async throws -> Bool { false }

    public func unfinishedUploads(begunBefore time: Timestamp) async throws -> [UnfinishedUpload] { [] }

    public func giveUp(_ uploads: [UnfinishedUpload]) async throws -> Int { 0 }
}

/// A write of a large object that has not come to its end.
public struct UnfinishedUpload: Sendable, Hashable {
    /// What it would have become; where files are written under hidden names, that name.
    public let path: ObjectPath
    /// The service's own name for it.
    let id: String
    public let begun: Timestamp
}

/// What a put does where an object of that path is there already.
public enum PutMode: Sendable, Hashable {
    case overwrite
    case ifAbsent
}

/// An object's path below its store's root: components joined by `/`, no leading slash, none of them empty, `.` or `..`.
public struct ObjectPath: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let string: String

    /// Throws ``ObjectStoreError/invalidPath(path:reason:)`` for a path that could leave the root or that no store can hold.
    public init(_ string: String) throws(ObjectStoreError) {
        guard !string.isEmpty else { throw .invalidPath(path: string, reason: "it is empty") }
        var component = 0
        var dots = 0
        for byte in string.utf8 {
            if byte == UInt8(ascii: "/") {
                if component == 0 { throw .invalidPath(path: string, reason: "it has an empty component") }
                if component == dots, dots <= 2 { throw .invalidPath(path: string, reason: "it has a `.` or `..` component") }
                component = 0
                dots = 0
            } else if byte == 0 {
                throw .invalidPath(path: string, reason: "it has a NUL character")
            } else {
                component += 1
                if byte == UInt8(ascii: ".") { dots += 1 }
            }
        }
        if component == 0 { throw .invalidPath(path: string, reason: "it ends with a slash") }
        if component == dots, dots <= 2 { throw .invalidPath(path: string, reason: "it has a `.` or `..` component") }
        self.string = string
    }

    /// By bytes, as file systems and object stores do.
    public static func == (left: ObjectPath, right: ObjectPath) -> Bool { left.string.hasSameBytes(as: right.string) }

    /// By UTF-8 bytes, as object stores list.
    public static func < (left: ObjectPath, right: ObjectPath) -> Bool {
        left.string.utf8.lexicographicallyPrecedes(right.string.utf8)
    }

    public var description: String { string }
}

/// What a store tells of an object without reading it.
public struct ObjectInfo: Sendable, Hashable {
    public let path: ObjectPath
    public let sizeInBytes: Int64
    public let modified: Timestamp

    public init(path: ObjectPath, sizeInBytes: Int64, modified: Timestamp) {
        self.path = path
        self.sizeInBytes = sizeInBytes
        self.modified = modified
    }
}

/// An object being written. Used by one task at a time; ended by exactly one of ``finish()`` and ``abort()``.
public protocol ObjectWriter: AnyObject, Sendable {
    /// Appends. Returns when the store can take more, so that memory stays bounded.
    func write(_ bytes: Bytes) async throws
    /// Appends bytes of an object without their passing through this process. False, and nothing was written, where the two stores cannot.
    func copy(_ range: Range<Int64>, of path: ObjectPath, in store: any ObjectStore) async throws -> Bool
    /// Makes the object visible, durably. Throws ``ObjectStoreError/alreadyExists(path:)`` rather than replacing another object.
    func finish() async throws
    /// Gives up and removes what was written. Never throws: it runs while another error is on its way. Works in a cancelled task.
    func abort() async
}

extension ObjectWriter {
    public func copy(_ range: Range<Int64>, of path: ObjectPath, in store: any ObjectStore) async throws -> Bool { false }
}

/// A listing that is pulled page by page.
public protocol ObjectListing: AnyObject, Sendable {
    /// The next page, in order; nil at the end. One caller at a time.
    func next() async throws -> [ObjectInfo]?
}

/// Why a store could not do what was asked. Names the path and the way out, never a credential.
public enum ObjectStoreError: Error, Sendable, Equatable {
    case notFound(path: String)
    case alreadyExists(path: String)
    case permissionDenied(path: String, operation: String)
    /// There are no credentials, or the store refused them: unknown, expired, wrongly signed. ``permissionDenied`` is what good credentials may not do.
    case invalidCredentials(path: String, message: String)
    /// The bucket or container itself is not there.
    case containerNotFound(path: String, message: String)
    /// The store overwrites an object though it was told not to. Commits would be lost there, so none is made.
    case noConditionalWrites(location: String)
    /// The disk or quota is full.
    case outOfSpace(path: String)
    case invalidPath(path: String, reason: String)
    /// A range that starts past the object's end.
    case invalidRange(path: String, start: Int64, size: Int64)
    /// A location whose scheme no backend handles.
    case unsupportedLocation(location: String, reason: String)
    /// Anything else the store said. `retryable` where trying again may help (a time-out, a busy server).
    case failed(path: String, operation: String, message: String, retryable: Bool)
}

extension ObjectStoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case let .notFound(path): "\(path): there is no such object"
        case let .alreadyExists(path): "\(path): an object is there already; remove it or choose another name"
        case let .permissionDenied(path, operation): "\(path): \(operation) was denied; give the process (or the profile's credentials) access to it"
        case let .invalidCredentials(path, message): "\(path): the credentials cannot be used: \(message)"
        case let .containerNotFound(path, message):
            "\(path): there is no such bucket or container (\(message)); create it, or correct the location and the account or endpoint it is looked for at"
        case let .noConditionalWrites(location):
            "\(location): the store ignores the condition of a put (`If-None-Match: *`), so that two writers could overwrite each other's commits; nothing is written. Use a store or a version of it that has conditional writes"
        case let .outOfSpace(path): "\(path): no space left on the device or in the quota; free some and run again"
        case let .invalidPath(path, reason): "\(path.isEmpty ? "(empty path)" : path): not a path of an object: \(reason)"
        case let .invalidRange(path, start, size): "\(path): asked for bytes from \(start), the object has \(size); it is shorter than what refers to it says"
        case let .unsupportedLocation(location, reason): "\(location): \(reason)"
        case let .failed(path, operation, message, _): "\(path): \(operation) failed: \(message)"
        }
    }

    /// Whether the same call may succeed later without anybody changing something.
    public var isRetryable: Bool {
        if case let .failed(_, _, _, retryable) = self { retryable } else { false }
    }
}
