import Base

/// JSON Merge Patch (RFC 7386).
enum MergePatch {
    static func apply(_ patch: JSONValue, to value: JSONValue) -> JSONValue {
        guard let changes = patch.objectValue else { return patch }
        var result = value.objectValue ?? JSONObject()
        for (key, change) in changes {
            if change.isNull {
                result.removeValue(forKey: key)
            } else {
                result[key] = apply(change, to: result[key] ?? .null)
            }
        }
        return .object(result)
    }
}
