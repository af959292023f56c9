import Base

/// A column that `kubectl get` prints.
struct TableColumn: Sendable {
    let name: String
    /// `string`, `integer`, `number`, `boolean` or `date`.
    let type: String
    var format = ""
    var description = ""
    /// Above 0: only with `-o wide`.
    var priority: Int64 = 0
    let cell: @Sendable (_ object: JSONValue, _ now: Timestamp) -> JSONValue

    var definition: JSONValue {
        ["name": .string(name), "type": .string(type), "format": .string(format), "description": .string(description), "priority": .integer(priority)]
    }

    static let name = TableColumn(
        name: "Name", type: "string", format: "name",
        description: "Name must be unique within a namespace."
    ) { object, _ in .string(object.name) }

    static let age = TableColumn(name: "Age", type: "string", description: "The time since the object was created.") { object, now in
        .string(HumanDuration.age(of: object.creationTimestamp, now: now))
    }

    /// A column of a CustomResourceDefinition. Throws what is wrong with its path.
    init(custom json: JSONValue, at path: FieldPath) throws(FieldError) {
        guard let name = json["name"]?.stringValue, !name.isEmpty else { throw .required(path.child("name")) }
        let type = json["type"]?.stringValue ?? ""
        guard ["string", "integer", "number", "boolean", "date"].contains(type) else {
            throw .notSupported(path.child("type"), .string(type), ["boolean", "date", "integer", "number", "string"])
        }
        let expression = try PrinterPath(json["jsonPath"]?.stringValue ?? "", at: path.child("jsonPath"))
        self.init(
            name: name, type: type == "date" ? "date" : type, format: json["format"]?.stringValue ?? "", description: json["description"]?.stringValue ?? "",
            priority: json["priority"]?.intValue ?? 0
        ) { object, now in
            guard let value = expression.first(in: object) else { return .null }
            return Self.cell(value, type: type, now: now)
        }
    }

    init(
        name: String, type: String, format: String = "", description: String = "", priority: Int64 = 0,
        cell: @escaping @Sendable (_ object: JSONValue, _ now: Timestamp) -> JSONValue
    ) {
        self.name = name
        self.type = type
        self.format = format
        self.description = description
        self.priority = priority
        self.cell = cell
    }

    private static func cell(_ value: JSONValue, type: String, now: Timestamp) -> JSONValue {
        switch (type, value) {
        case (_, .null): .null
        case ("string", .string): value
        case ("string", _): .string(JSON.encode(value))
        case ("integer", _):
            value.intValue.map { .integer($0) } ?? value.doubleValue.flatMap { Int64(exactly: $0.rounded(.towardZero)) }.map { .integer($0) } ?? .null
        case ("number", .integer), ("number", .double), ("boolean", .bool): value
        case ("date", .string(let text)):
            .string(Timestamp(rfc3339: text).map { HumanDuration.text(now - $0) } ?? "<invalid>")
        default: .null
        }
    }
}
