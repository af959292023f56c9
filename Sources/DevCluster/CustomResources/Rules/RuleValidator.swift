import Base

/// Evaluates `x-kubernetes-validations`.
///
/// Of the rules it knows `self == oldSelf`, which makes a field immutable; all others are stored with their definition and hold no object back.
struct RuleValidator {
    private(set) var errors: [FieldError] = []

    static func validate(_ object: JSONValue, old: JSONValue?, _ schema: Schema) -> [FieldError] {
        guard let old else { return [] }
        var validator = RuleValidator()
        validator.compare(object, old, schema, at: .root)
        return validator.errors
    }

    private mutating func compare(_ new: JSONValue, _ old: JSONValue, _ schema: Schema, at path: FieldPath) {
        for rule in schema.rules where rule.isImmutability && new != old {
            errors.append(FieldError(kind: .invalid, path: path, body: "Invalid value: \"\(new.typeName)\": \(rule.message ?? "failed rule: \(rule.rule)")"))
        }
        switch (new, old) {
        case let (.object(newObject), .object(oldObject)):
            for (name, value) in newObject {
                // A transition rule needs both values: a field that comes or goes is not held by its own rules.
                if let member = schema.member(name), let before = oldObject[name] { compare(value, before, member, at: path.child(name)) }
            }
        case let (.array(newElements), .array(oldElements)):
            guard schema.listType == .map, let items = schema.items else { return }
            for (index, element) in newElements.enumerated() {
                let before = oldElements.first { old in schema.listMapKeys.allSatisfy { old[$0] == element[$0] } }
                if let before { compare(element, before, items, at: path.index(index)) }
            }
        default: break
        }
    }
}

extension ValidationRule {
    fileprivate var isImmutability: Bool {
        let words = rule.filter { $0 != " " }
        return words == "self==oldSelf" || words == "oldSelf==self"
    }
}
