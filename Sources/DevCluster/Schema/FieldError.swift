import Base

/// One thing that is wrong with an object, in the API server's categories and words: people search for these sentences, and clients parse the reasons.
struct FieldError: Error, Sendable, Hashable, CustomStringConvertible {
    enum Kind: String, Sendable {
        case required = "FieldValueRequired"
        case invalid = "FieldValueInvalid"
        case typeInvalid = "FieldValueTypeInvalid"
        case notSupported = "FieldValueNotSupported"
        case duplicate = "FieldValueDuplicate"
        case forbidden = "FieldValueForbidden"
        case tooLong = "FieldValueTooLong"
        case tooMany = "FieldValueTooMany"
        case notFound = "FieldValueNotFound"
    }

    let kind: Kind
    let path: FieldPath
    /// What follows the path: `Required value`, `Invalid value: -1: should be …`. The `message` of a cause in a Status.
    let body: String

    var description: String { "\(path): \(body)" }

    static func required(_ path: FieldPath, _ detail: String = "") -> FieldError {
        FieldError(kind: .required, path: path, body: detail.isEmpty ? "Required value" : "Required value: \(detail)")
    }

    static func invalid(_ path: FieldPath, _ value: JSONValue, _ detail: String) -> FieldError {
        FieldError(kind: .invalid, path: path, body: "Invalid value: \(shown(value)): \(detail)")
    }

    /// The value is shown by its type: what the API server does for type errors and for CEL rules.
    static func type(_ path: FieldPath, actual: String, expected: String) -> FieldError {
        FieldError(kind: .typeInvalid, path: path, body: "Invalid value: \"\(actual)\": \(path) in body must be of type \(expected): \"\(actual)\"")
    }

    static func notSupported(_ path: FieldPath, _ value: JSONValue, _ supported: [JSONValue]) -> FieldError {
        let list = supported.map(shown).sorted().joined(separator: ", ")
        return FieldError(kind: .notSupported, path: path, body: "Unsupported value: \(shown(value)): supported values: \(list)")
    }

    static func duplicate(_ path: FieldPath, _ value: JSONValue) -> FieldError {
        FieldError(kind: .duplicate, path: path, body: "Duplicate value: \(shown(value))")
    }

    static func forbidden(_ path: FieldPath, _ detail: String) -> FieldError {
        FieldError(kind: .forbidden, path: path, body: "Forbidden: \(detail)")
    }

    static func tooLong(_ path: FieldPath, maximum: Int64) -> FieldError {
        FieldError(kind: .tooLong, path: path, body: "Too long: may not be more than \(maximum) byte\(maximum == 1 ? "" : "s")")
    }

    static func tooMany(_ path: FieldPath, actual: Int, maximum: Int64) -> FieldError {
        FieldError(kind: .tooMany, path: path, body: "Too many: \(actual): must have at most \(maximum) item\(maximum == 1 ? "" : "s")")
    }

    private static func shown(_ value: JSONValue) -> String {
        switch value {
        case let .string(text): "\"\(text)\""
        default: JSON.encode(value)
        }
    }
}
