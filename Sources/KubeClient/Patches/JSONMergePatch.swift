import Base

/// RFC 7386.
public enum JSONMergePatch {
    /// The smallest patch that turns `old` into `new`; nil where they are equal. Lists are replaced whole.
    public static func between(_ old: JSONValue, _ new: JSONValue) -> JSONValue? {
        if old == new { return nil }
        guard case .object(let oldMembers) = old, case .object(let newMembers) = new else { return new }
        var patch: JSONValue = [:]
        for (key, value) in newMembers {
            guard let before = oldMembers[key] else {
                patch[key] = value
                continue
            }
            if let change = between(before, value) { patch[key] = change }
        }
        for key in oldMembers.keys where newMembers[key] == nil { patch[key] = .null }
        return patch
    }

    /// `target` with the patch carried out.
    public static func apply(_ patch: JSONValue, to target: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var result: JSONValue = target.objectValue == nil ? [:] : target
        for (key, change) in changes {
            // Not a ternary with nil: that would be JSON's null, a value, rather than no member.
            guard !change.isNull else {
                result[key] = JSONValue?.none
                continue
            }
            result[key] = apply(change, to: result[key] ?? .null)
        }
        return result
    }
}
