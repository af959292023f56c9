extension JSONScanner {
    /// Consumes the next value as a tree. Recursion is bounded by ``JSON/maximumDepth``.
    public mutating func value() throws(JSONError) -> JSONValue {
        switch try kind() {
        case .string: return .string(try string(of: string()))
        case .bool: return .bool(try bool())
        case .null:
            try null()
            return .null
        case .number:
            switch try number() {
            case let .integer(value): return .integer(value)
            case let .double(value): return .double(value)
            }
        case .array:
            var elements: [JSONValue] = []
            try beginArray()
            while try nextElement() { elements.append(try value()) }
            return .array(elements)
        case .object:
            var object = JSONObject()
            try beginObject()
            while let key = try nextKey() { object[try string(of: key)] = try value() }
            return .object(object)
        }
    }
}
