import Base

/// What a request says about how to write.
struct WriteOptions: Sendable {
    /// What happens with fields that the schema does not know.
    enum FieldValidation: Sendable {
        case ignore, warn, strict
    }

    enum Subresource: String, Sendable {
        case none = ""
        case status
    }

    var isDryRun = false
    /// Who owns the fields that the request changes.
    var fieldManager = "unknown"
    var fieldValidation = FieldValidation.warn
    var subresource = Subresource.none
    /// Apply only: take fields from other managers.
    var force = false

    /// For the control plane's own controllers.
    static func controller(_ name: String, _ subresource: Subresource = .none) -> WriteOptions {
        WriteOptions(fieldManager: name, fieldValidation: .ignore, subresource: subresource)
    }
}

struct WriteResult: Sendable {
    let object: JSONValue
    var warnings: [String] = []
    /// Whether the object is new.
    var isCreated = false
}

/// The body of a DELETE.
struct DeleteOptions: Sendable {
    enum Propagation: String, Sendable {
        case foreground = "Foreground"
        case background = "Background"
        case orphan = "Orphan"
    }

    var gracePeriodSeconds: Int64?
    var propagation: Propagation?
    var uid: String?
    var resourceVersion: String?
    var isDryRun = false

    init() {}

    init(_ json: JSONValue) throws(APIError) {
        gracePeriodSeconds = json["gracePeriodSeconds"]?.intValue
        if let name = json["propagationPolicy"]?.stringValue { propagation = try Self.propagation(name) }
        if json["orphanDependents"]?.boolValue == true { propagation = .orphan }
        if json["orphanDependents"]?.boolValue == false, propagation == nil { propagation = .background }
        uid = json.at("preconditions", "uid")?.stringValue
        resourceVersion = json.at("preconditions", "resourceVersion")?.stringValue
        isDryRun = !(json["dryRun"]?.arrayValue ?? []).isEmpty
    }

    static func propagation(_ name: String) throws(APIError) -> Propagation {
        guard let propagation = Propagation(rawValue: name) else {
            throw .badRequest(
                "invalid DeleteOptions: propagationPolicy: Unsupported value: \"\(name)\": supported values: \"Background\", \"Foreground\", \"Orphan\"")
        }
        return propagation
    }
}
