/// Why a patch could not be carried out.
public enum PatchError: Error, Sendable, Hashable, CustomStringConvertible {
    /// It is not what a patch of its kind must be.
    case malformed(String)
    case tooManyOperations(count: Int, limit: Int)
    /// It does not fit the object: a path that is not there, a test that failed.
    case doesNotFit(String)

    public var description: String {
        switch self {
        case .malformed(let reason), .doesNotFit(let reason): reason
        case let .tooManyOperations(count, limit): "a JSON patch may have \(limit) operations, this one has \(count)"
        }
    }
}
