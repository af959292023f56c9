import Base

/// A refusal in the shape that Kubernetes clients know: the HTTP status, the reason they switch on, the sentence they print.
struct APIError: Error, Sendable, CustomStringConvertible {
    let code: Int
    let reason: String
    let message: String
    var details: JSONObject = [:]
    var retryAfterSeconds: Int?

    var description: String { message }

    /// The `Status` object.
    var body: JSONValue {
        var status: JSONObject = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .string(message), "reason": .string(reason),
        ]
        if !details.isEmpty { status["details"] = .object(details) }
        status["code"] = .integer(Int64(code))
        return .object(status)
    }
}

extension APIError {
    static func badRequest(_ message: String) -> APIError { APIError(code: 400, reason: "BadRequest", message: message) }

    static let unauthorized = APIError(code: 401, reason: "Unauthorized", message: "Unauthorized")

    static func notFound(_ resource: ResourceName, _ name: String) -> APIError {
        APIError(code: 404, reason: "NotFound", message: "\(resource.qualified) \"\(name)\" not found", details: resource.details(name))
    }

    /// A path that names nothing the server knows.
    static let noSuchPath = APIError(code: 404, reason: "NotFound", message: "the server could not find the requested resource")

    static func alreadyExists(_ resource: ResourceName, _ name: String) -> APIError {
        APIError(code: 409, reason: "AlreadyExists", message: "\(resource.qualified) \"\(name)\" already exists", details: resource.details(name))
    }

    static func conflict(_ resource: ResourceName, _ name: String, _ why: String = staleObject) -> APIError {
        APIError(
            code: 409, reason: "Conflict", message: "Operation cannot be fulfilled on \(resource.qualified) \"\(name)\": \(why)",
            details: resource.details(name))
    }

    static let staleObject = "the object has been modified; please apply your changes to the latest version and try again"

    /// Server-side apply met fields that others own.
    static func applyConflict(_ conflicts: [(manager: String, field: String)]) -> APIError {
        let causes: [JSONValue] = conflicts.map {
            ["reason": "FieldManagerConflict", "message": .string("conflict with \($0.manager)"), "field": .string($0.field)]
        }
        var byManager: [(manager: String, fields: [String])] = []
        for conflict in conflicts {
            if let place = byManager.firstIndex(where: { $0.manager == conflict.manager }) {
                byManager[place].fields.append(conflict.field)
            } else {
                byManager.append((conflict.manager, [conflict.field]))
            }
        }
        let lines: [String] = byManager.map { entry in
            entry.fields.count == 1
                ? "conflict with \(entry.manager): \(entry.fields[0])"
                : "conflicts with \(entry.manager):\n" + entry.fields.map { "- \($0)" }.joined(separator: "\n")
        }
        let count = conflicts.count
        return APIError(
            code: 409, reason: "Conflict", message: "Apply failed with \(count) conflict\(count == 1 ? "" : "s"): \(lines.joined(separator: "\n"))",
            details: ["causes": .array(causes)])
    }

    /// The object breaks its schema or the rules of its kind.
    static func invalid(group: String, kind: String, name: String, _ errors: [FieldError]) -> APIError {
        let causes: [JSONValue] = errors.map {
            ["reason": .string($0.kind.rawValue), "message": .string($0.body), "field": .string($0.path.description)]
        }
        let list = errors.count == 1 ? errors[0].description : "[\(errors.map(\.description).joined(separator: ", "))]"
        let qualified = group.isEmpty ? kind : "\(kind).\(group)"
        var details: JSONObject = ["name": .string(name)]
        if !group.isEmpty { details["group"] = .string(group) }
        details["kind"] = .string(kind)
        details["causes"] = .array(causes)
        return APIError(code: 422, reason: "Invalid", message: "\(qualified) \"\(name)\" is invalid: \(list)", details: details)
    }

    static func forbidden(_ resource: ResourceName, _ name: String, _ why: String) -> APIError {
        APIError(code: 403, reason: "Forbidden", message: "\(resource.qualified) \"\(name)\" is forbidden: \(why)", details: resource.details(name))
    }

    static let methodNotAllowed = APIError(
        code: 405, reason: "MethodNotAllowed", message: "the server does not allow this method on the requested resource")

    static func notAcceptable(_ types: String) -> APIError {
        APIError(code: 406, reason: "NotAcceptable", message: "only the following media types are accepted: \(types)")
    }

    static func unsupportedMediaType(_ types: String) -> APIError {
        APIError(
            code: 415, reason: "UnsupportedMediaType",
            message: "the body of the request was in an unknown format - accepted media types include: \(types)")
    }

    /// A watch or a page from a version that is no longer kept.
    static func expired(_ message: String) -> APIError { APIError(code: 410, reason: "Expired", message: message) }

    static func resourceVersionTooLarge(_ wanted: UInt64, current: UInt64) -> APIError {
        APIError(
            code: 504, reason: "Timeout", message: "Too large resource version: \(wanted), current: \(current)",
            details: ["causes": [["reason": "ResourceVersionTooLarge", "message": "Too large resource version"]], "retryAfterSeconds": 1], retryAfterSeconds: 1)
    }

    static func internalError(_ message: String) -> APIError {
        APIError(code: 500, reason: "InternalError", message: "Internal error occurred: \(message)")
    }
}

/// A resource as errors name it: `deltatables.levee.dev`, plainly `pods` in the core group.
struct ResourceName: Sendable, Hashable {
    let group: String
    let plural: String

    var qualified: String { group.isEmpty ? plural : "\(plural).\(group)" }

    func details(_ name: String) -> JSONObject {
        var details: JSONObject = ["name": .string(name)]
        if !group.isEmpty { details["group"] = .string(group) }
        details["kind"] = .string(plural)
        return details
    }
}
