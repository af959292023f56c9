import Base

/// Checks a value against a schema and collects everything that is wrong with it.
struct SchemaValidator {
    private(set) var errors: [FieldError] = []

    static func validate(_ value: JSONValue, _ schema: Schema, at path: FieldPath = .root) -> [FieldError] {
        var validator = SchemaValidator()
        validator.validate(value, schema, at: path)
        return validator.errors
    }

    private mutating func validate(_ value: JSONValue, _ schema: Schema, at path: FieldPath) {
        if value.isNull {
            if schema.nullable || (schema.type == nil && !schema.isIntOrString) { return }
            errors.append(.type(path, actual: "null", expected: schema.type?.rawValue ?? "integer,string"))
            return
        }
        guard checkType(value, schema, at: path) else { return }
        if let allowed = schema.constraints.enumeration, !allowed.contains(value) {
            errors.append(.notSupported(path, value, allowed))
        }
        switch value {
        case let .object(object): validateObject(object, schema, at: path)
        case let .array(elements): validateArray(elements, schema, at: path)
        case let .string(text): validateString(text, schema.constraints, at: path)
        case .integer, .double: validateNumber(value, schema.constraints, at: path)
        case .bool, .null: break
        }
        validateCombinations(value, schema, at: path)
    }

    private mutating func checkType(_ value: JSONValue, _ schema: Schema, at path: FieldPath) -> Bool {
        if schema.isIntOrString {
            switch value {
            case .integer, .string: return true
            default:
                errors.append(.type(path, actual: value.typeName, expected: "integer,string"))
                return false
            }
        }
        guard let expected = schema.type else { return true }
        let fits =
            switch (expected, value) {
            case (.object, .object), (.array, .array), (.string, .string), (.boolean, .bool), (.integer, .integer), (.number, .integer), (.number, .double):
                true
            case let (.integer, .double(number)): number == number.rounded() && number.isFinite
            default: false
            }
        if !fits { errors.append(.type(path, actual: value.typeName, expected: expected.rawValue)) }
        return fits
    }

    private mutating func validateObject(_ object: JSONObject, _ schema: Schema, at path: FieldPath) {
        for name in schema.required where object[name] == nil {
            errors.append(.required(path.child(name)))
        }
        if let minimum = schema.constraints.minProperties, object.count < minimum {
            errors.append(.invalid(path, .integer(Int64(object.count)), "\(path) in body should have at least \(minimum) properties"))
        }
        if let maximum = schema.constraints.maxProperties, object.count > maximum {
            errors.append(.tooMany(path, actual: object.count, maximum: maximum))
        }
        for (name, member) in object {
            if let memberSchema = schema.member(name) { validate(member, memberSchema, at: path.child(name)) }
        }
    }

    private mutating func validateArray(_ elements: [JSONValue], _ schema: Schema, at path: FieldPath) {
        if let minimum = schema.constraints.minItems, elements.count < minimum {
            errors.append(.invalid(path, .integer(Int64(elements.count)), "\(path) in body should have at least \(minimum) items"))
        }
        if let maximum = schema.constraints.maxItems, elements.count > maximum {
            // The elements are not looked at: the limit is there to bound the work.
            errors.append(.tooMany(path, actual: elements.count, maximum: maximum))
            return
        }
        if schema.constraints.uniqueItems, Set(elements).count < elements.count {
            errors.append(.invalid(path, .array(elements), "\(path) in body shouldn't contain duplicates"))
        }
        if let itemSchema = schema.items {
            for (index, element) in elements.enumerated() { validate(element, itemSchema, at: path.index(index)) }
        }
        switch schema.listType {
        case .set: reportDuplicates(elements, at: path)
        case .map: reportDuplicates(elements.map { Self.mapKey(of: $0, schema) }, at: path)
        case .atomic, nil: break
        }
    }

    private mutating func reportDuplicates(_ keys: [JSONValue], at path: FieldPath) {
        var seen: Set<JSONValue> = []
        for (index, key) in keys.enumerated() where !seen.insert(key).inserted {
            errors.append(.duplicate(path.index(index), key))
        }
    }

    private static func mapKey(of element: JSONValue, _ schema: Schema) -> JSONValue {
        var key = JSONObject()
        for name in schema.listMapKeys { key[name] = element[name] ?? schema.items?.properties[name]?.defaultValue }
        return .object(key)
    }

    private mutating func validateString(_ text: String, _ constraints: Schema.Constraints, at path: FieldPath) {
        if let minimum = constraints.minLength, text.unicodeScalars.count < minimum {
            errors.append(.invalid(path, .string(text), "\(path) in body should be at least \(minimum) chars long"))
        }
        if let maximum = constraints.maxLength, text.unicodeScalars.count > maximum {
            errors.append(.tooLong(path, maximum: maximum))
            return
        }
        if let pattern = constraints.pattern, !pattern.matches(text) {
            errors.append(.invalid(path, .string(text), "\(path) in body should match '\(pattern.text)'"))
        }
        if let format = constraints.format, !StringFormat.accepts(text, format: format) {
            errors.append(.invalid(path, .string(text), "\(path) in body must be of type \(format): \"\(text)\""))
        }
    }

    private mutating func validateNumber(_ value: JSONValue, _ constraints: Schema.Constraints, at path: FieldPath) {
        guard let number = value.doubleValue else { return }
        if let minimum = constraints.minimum {
            if constraints.exclusiveMinimum, number <= minimum {
                errors.append(.invalid(path, value, "\(path) in body should be greater than \(minimum.shortest)"))
            } else if number < minimum {
                errors.append(.invalid(path, value, "\(path) in body should be greater than or equal to \(minimum.shortest)"))
            }
        }
        if let maximum = constraints.maximum {
            if constraints.exclusiveMaximum, number >= maximum {
                errors.append(.invalid(path, value, "\(path) in body should be less than \(maximum.shortest)"))
            } else if number > maximum {
                errors.append(.invalid(path, value, "\(path) in body should be less than or equal to \(maximum.shortest)"))
            }
        }
        if let factor = constraints.multipleOf, factor > 0, (number / factor).rounded() * factor != number {
            errors.append(.invalid(path, value, "\(path) in body should be a multiple of \(factor.shortest)"))
        }
        if constraints.format == "int32", Int32(exactly: number) == nil {
            errors.append(.invalid(path, value, "\(path) in body must be of type int32: \"\(value)\""))
        }
    }

    private mutating func validateCombinations(_ value: JSONValue, _ schema: Schema, at path: FieldPath) {
        for part in schema.allOf {
            // The parts of an allOf must hold all: their errors are the value's.
            validate(value, part, at: path)
        }
        if !schema.anyOf.isEmpty, !schema.anyOf.contains(where: { Self.validate(value, $0, at: path).isEmpty }) {
            errors.append(.invalid(path, .string(value.typeName), "\(path) in body must validate at least one schema (anyOf)"))
        }
        if !schema.oneOf.isEmpty {
            let matching = schema.oneOf.count { Self.validate(value, $0, at: path).isEmpty }
            if matching != 1 {
                let found = matching == 0 ? "Found none valid" : "Found \(matching) valid alternatives"
                errors.append(.invalid(path, .string(value.typeName), "\(path) in body must validate one and only one schema (oneOf). \(found)"))
            }
        }
        if let not = schema.not, Self.validate(value, not, at: path).isEmpty {
            errors.append(.invalid(path, .string(value.typeName), "\(path) in body must not validate the schema (not)"))
        }
    }
}

extension Double {
    /// Without a fraction where there is none: limits are usually whole, and `0.0` looks odd in a message.
    var shortest: String { Int64(exactly: self).map(String.init) ?? "\(self)" }
}
