/// Any JSON value. Integers that fit 64 bits stay exact; every other number is a double.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue {
    /// The member of that name; nil where this is no object or has none. Setting a member turns anything else into an object.
    public subscript(key: String) -> JSONValue? {
        get {
            guard case let .object(object) = self else { return nil }
            return object[key]
        }
        _modify {
            var object: JSONObject
            if case let .object(existing) = self { object = existing } else { object = JSONObject() }
            // The only reference to the members while they are changed: otherwise each change would copy them all.
            self = .null
            defer { self = .object(object) }
            yield &object[key]
        }
    }

    /// The element at that place; nil where this is no array or ends before it.
    public subscript(index: Int) -> JSONValue? {
        guard case let .array(elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// The value at the end of a path of member names; nil where one of them is missing.
    public func value(at path: [String]) -> JSONValue? {
        var value = self
        for key in path {
            guard let next = value[key] else { return nil }
            value = next
        }
        return value
    }

    public var isNull: Bool { self == .null }

    public var boolValue: Bool? { if case let .bool(value) = self { value } else { nil } }

    public var stringValue: String? { if case let .string(value) = self { value } else { nil } }

    public var arrayValue: [JSONValue]? { if case let .array(value) = self { value } else { nil } }

    public var objectValue: JSONObject? { if case let .object(value) = self { value } else { nil } }

    /// An integer, or a double without a fraction.
    public var intValue: Int64? {
        switch self {
        case let .integer(value): value
        case let .double(value): Int64(exactly: value)
        default: nil
        }
    }

    public var doubleValue: Double? {
        switch self {
        case let .integer(value): Double(value)
        case let .double(value): value
        default: nil
        }
    }

    /// What kind of value this is, for messages: "a string", "an object".
    public var kindDescription: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .double: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONValue: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringInterpolation, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }
}

extension JSONValue: CustomStringConvertible {
    /// The value as compact JSON.
    public var description: String { JSON.encode(self) }
}
