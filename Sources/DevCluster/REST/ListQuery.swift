import Base
import HTTP

/// The parameters of a list or watch.
struct ListQuery: Sendable {
    let namespace: String?
    var name: String?
    let labels: LabelSelector
    let fields: FieldSelector
    let limit: Int
    let token: ContinueToken?
    let resourceVersion: String
    let resourceVersionMatch: String

    init(_ request: ServerRequest, _ definition: ResourceDefinition, namespace: String?) throws(APIError) {
        self.namespace = namespace
        labels = try LabelSelector(request.parameter("labelSelector") ?? "")
        fields = try FieldSelector(request.parameter("fieldSelector") ?? "", supported: definition.selectableFields)
        name = fields.requiredName
        guard let limit = Int(request.parameter("limit").flatMap { $0.isEmpty ? nil : $0 } ?? "0"), limit >= 0 else {
            throw .badRequest("invalid limit: \(request.parameter("limit") ?? "")")
        }
        self.limit = limit
        if let text = request.parameter("continue"), !text.isEmpty {
            guard let token = ContinueToken(text) else { throw .badRequest("continue key is not valid") }
            self.token = token
        } else {
            token = nil
        }
        resourceVersion = request.parameter("resourceVersion") ?? ""
        resourceVersionMatch = request.parameter("resourceVersionMatch") ?? ""
        if !resourceVersion.isEmpty, UInt64(resourceVersion) == nil {
            throw .badRequest("invalid resource version \"\(resourceVersion)\": it must be a number")
        }
    }

    func covers(_ key: StoredKey) -> Bool {
        (namespace.map { key.namespace == $0 } ?? true) && (name.map { key.name == $0 } ?? true)
    }

    func selects(_ object: JSONValue) -> Bool {
        (labels.isEmpty || labels.matches(object.labels)) && (fields.isEmpty || fields.matches(object))
    }

    var isSelective: Bool { !labels.isEmpty || !fields.isEmpty }
}

/// Where the next page of a list starts, and of which state.
struct ContinueToken: Sendable {
    let revision: UInt64
    /// The last key of the page before.
    let after: String

    init(revision: UInt64, after: String) {
        self.revision = revision
        self.after = after
    }

    init?(_ text: String) {
        guard let bytes = Base64.decode(text), let json = try? JSON.parse(Bytes(bytes)), let revision = json["rv"]?.intValue.flatMap({ UInt64(exactly: $0) }),
            let after = json["after"]?.stringValue
        else { return nil }
        self.init(revision: revision, after: after)
    }

    var text: String {
        let json: JSONValue = ["rv": .integer(Int64(clamping: revision)), "after": .string(after)]
        return Base64.encode(Array(JSON.encode(json).utf8))
    }
}

extension ClusterAPI {
    struct Page: Sendable {
        let objects: [JSONValue]
        let metadata: JSONObject
    }

    func list(_ definition: ResourceDefinition, _ query: ListQuery) throws(APIError) -> Page {
        let (table, revision, shownRevision) = try state(definition, query)
        var start = query.token.map { token in table.place(of: token.after) } ?? query.namespace.map { table.place(of: "\($0)/") } ?? 0
        if let token = query.token, start < table.paths.count, table.paths[start] == token.after { start += 1 }
        var objects: [JSONValue] = []
        var metadata: JSONObject = ["resourceVersion": .string("\(shownRevision)")]
        var last = ""
        for (place, path) in table.paths.enumerated().dropFirst(start) {
            let key = StoredKey(resource: definition.storage, path: path)
            if let namespace = query.namespace, key.namespace != namespace { break }
            guard query.covers(key), let stored = table.objects[path] else { continue }
            let object = read(definition, stored)
            guard query.selects(object) else { continue }
            if query.limit > 0, objects.count == query.limit {
                metadata["continue"] = .string(ContinueToken(revision: revision, after: last).text)
                if !query.isSelective {
                    let rest = table.paths[place...].count { query.covers(StoredKey(resource: definition.storage, path: $0)) }
                    metadata["remainingItemCount"] = .integer(Int64(rest))
                }
                break
            }
            objects.append(object)
            last = path
        }
        return Page(objects: objects, metadata: metadata)
    }

    /// The state that a list is about: the current one, that of its first page, or that of an exact version.
    private func state(_ definition: ResourceDefinition, _ query: ListQuery) throws(APIError) -> (ResourceTable, revision: UInt64, shown: UInt64) {
        let (table, revision) = store.list(definition.storage)
        if let token = query.token {
            guard let past = table.state(at: token.revision) else {
                throw .expired(
                    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.")
            }
            return (past, token.revision, token.revision)
        }
        guard let wanted = UInt64(query.resourceVersion), wanted > 0 else { return (table, revision, revision) }
        if wanted > revision { throw .resourceVersionTooLarge(wanted, current: revision) }
        guard query.resourceVersionMatch == "Exact" else { return (table, revision, revision) }
        guard let past = table.state(at: wanted) else { throw .expired("The resourceVersion for the provided list is too old.") }
        return (past, wanted, wanted)
    }
}
