import Base

/// An object of any kind as the server sent it: nothing is lost when it is written back.
public struct Resource: Sendable, Hashable {
    public var json: JSONValue

    public init(json: JSONValue) { self.json = json }

    /// A typed object with `apiVersion` and `kind`.
    public init<T: KubeResource>(_ object: T) throws(KubeError) {
        let fields: JSONValue
        do {
            fields = try JSON.value(of: object)
        } catch {
            throw .invalidObject(object: "\(T.kind) \(object.key)", reason: "\(error)")
        }
        var json: JSONValue = ["apiVersion": .string(T.gvr.apiVersion), "kind": .string(T.kind)]
        for (key, value) in fields.objectValue ?? [:] { json[key] = value }
        self.json = json
    }

    public var apiVersion: String { json["apiVersion"]?.stringValue ?? "" }
    public var kind: String { json["kind"]?.stringValue ?? "" }
    public var name: String { text("name") }
    public var namespace: String { text("namespace") }
    public var uid: String { text("uid") }
    public var resourceVersion: String { text("resourceVersion") }
    public var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }
    public var labels: [String: String] { strings("labels") }
    public var annotations: [String: String] { strings("annotations") }
    public var isBeingDeleted: Bool { json.value(at: ["metadata", "deletionTimestamp"])?.stringValue != nil }

    /// The object as a type that knows its fields.
    public func decoded<T: Decodable>(as type: T.Type) throws(KubeError) -> T {
        do {
            return try JSON.decode(type, from: json)
        } catch {
            throw .unexpectedResponse(request: "\(kind) \(key)", reason: "\(error)")
        }
    }

    private func text(_ field: String) -> String { json.value(at: ["metadata", field])?.stringValue ?? "" }

    private func strings(_ field: String) -> [String: String] {
        var result: [String: String] = [:]
        for (key, value) in json.value(at: ["metadata", field])?.objectValue ?? [:] { result[key] = value.stringValue }
        return result
    }
}

/// One page of a list, or all of it.
public struct ResourceList<Item: Sendable>: Sendable {
    public var items: [Item]
    /// The state of the collection that the list shows; watches start behind it.
    public var resourceVersion: String
    /// Asks for the next page; empty on the last.
    public var continueToken: String

    public init(items: [Item], resourceVersion: String, continueToken: String = "") {
        self.items = items
        self.resourceVersion = resourceVersion
        self.continueToken = continueToken
    }
}

/// Names one object, for events.
public struct ObjectReference: Sendable, Hashable, Codable {
    public var apiVersion: String?
    public var kind: String?
    public var namespace: String?
    public var name: String?
    public var uid: String?
    public var resourceVersion: String?

    public init(
        apiVersion: String? = nil, kind: String? = nil, namespace: String? = nil, name: String? = nil, uid: String? = nil, resourceVersion: String? = nil
    ) {
        self.apiVersion = apiVersion
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.uid = uid
        self.resourceVersion = resourceVersion
    }
}
