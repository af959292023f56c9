import Base

/// Who owns which fields: `metadata.managedFields`.
struct ManagedFields: Sendable, Equatable {
    enum Operation: String, Sendable {
        case apply = "Apply"
        case update = "Update"
    }

    struct Manager: Sendable, Hashable {
        var name: String
        var operation: Operation
        var apiVersion: String
        var subresource: String
    }

    struct Entry: Sendable, Equatable {
        var manager: Manager
        var time: String?
        var fields: FieldSet
    }

    var entries: [Entry] = []

    init() {}

    /// Nil where an entry is malformed.
    init?(_ json: JSONValue?) {
        for element in json?.arrayValue ?? [] {
            guard let name = element["manager"]?.stringValue, let operation = element["operation"]?.stringValue.flatMap(Operation.init),
                let fields = FieldSet(encoded: element["fieldsV1"] ?? [:])
            else { return nil }
            let manager = Manager(
                name: name, operation: operation, apiVersion: element["apiVersion"]?.stringValue ?? "", subresource: element["subresource"]?.stringValue ?? "")
            entries.append(Entry(manager: manager, time: element["time"]?.stringValue, fields: fields))
        }
    }

    var json: JSONValue? {
        if entries.isEmpty { return nil }
        return .array(
            entries.sorted(by: Self.precedes).map { entry in
                var object: JSONObject = ["apiVersion": .string(entry.manager.apiVersion), "fieldsType": "FieldsV1", "fieldsV1": entry.fields.encoded]
                object["manager"] = .string(entry.manager.name)
                object["operation"] = .string(entry.manager.operation.rawValue)
                if !entry.manager.subresource.isEmpty { object["subresource"] = .string(entry.manager.subresource) }
                if let time = entry.time { object["time"] = .string(time) }
                return .object(object)
            })
    }

    /// Appliers first, then by time, then by name.
    private static func precedes(_ left: Entry, _ right: Entry) -> Bool {
        if left.manager.operation != right.manager.operation { return left.manager.operation == .apply }
        return (left.time ?? "", left.manager.name) < (right.time ?? "", right.manager.name)
    }

    subscript(manager: Manager) -> FieldSet? { entries.first { $0.manager == manager }?.fields }

    /// Replaces what a manager owns; an empty set removes it. The time moves only where the set changes.
    mutating func set(_ manager: Manager, _ fields: FieldSet, time: String) {
        if let place = entries.firstIndex(where: { $0.manager == manager }) {
            if fields.isEmpty {
                entries.remove(at: place)
            } else if entries[place].fields != fields {
                entries[place].fields = fields
                entries[place].time = time
            }
        } else if !fields.isEmpty {
            entries.append(Entry(manager: manager, time: time, fields: fields))
        }
    }

    /// Everything that anyone owns.
    var owned: FieldSet { entries.reduce(FieldSet()) { $0.union($1.fields) } }
}
