import Base

/// What a strategic merge patch asks of a type: which lists are merged, and by what.
public protocol MergeSchema {
    /// nil where nothing is known of the member: its lists are replaced.
    func member(_ name: String) -> Self?
    /// Of a list's elements.
    var items: Self? { get }
    /// Of a list whose elements are merged: the field that says which of them are the same (`patchMergeKey`).
    var patchMergeKey: String? { get }
    /// A list of scalars that are united.
    var patchMergesScalars: Bool { get }
}

/// Kubernetes' strategic merge patch: a merge patch that merges lists by the keys which the kind's types name, with `$patch`, `$setElementOrder/…`,
/// `$deleteFromPrimitiveList/…` and `$retainKeys` directives. For built-in kinds; custom resources have no merge keys and the server refuses it for them.
public enum StrategicMergePatch {
    private static let order = "$setElementOrder/"
    private static let deletion = "$deleteFromPrimitiveList/"

    /// `value` with the patch carried out; an empty object where the patch deletes it.
    public static func apply<Schema: MergeSchema>(_ patch: JSONValue, to value: JSONValue, schema: Schema) throws(PatchError) -> JSONValue {
        guard let changes = patch.objectValue else { throw .malformed("a strategic merge patch must be an object") }
        return try merge(changes, into: value.objectValue ?? JSONObject(), schema) ?? .object([:])
    }

    /// nil where the patch deletes the whole object.
    private static func merge<Schema: MergeSchema>(_ patch: JSONObject, into original: JSONObject, _ schema: Schema?) throws(PatchError) -> JSONValue? {
        switch patch["$patch"]?.stringValue {
        case "delete"?: return nil
        case "replace"?: return .object(withoutDirectives(patch))
        case nil, "merge"?: break
        case let directive?: throw .malformed("unknown $patch directive \"\(directive)\"")
        }
        var result = original
        if let retained = patch["$retainKeys"]?.arrayValue?.compactMap(\.stringValue) {
            for key in result.keys where !retained.contains(key) { result[key] = nil }
        }
        for (key, change) in patch where !key.hasPrefix("$") {
            let member = schema?.member(key)
            switch change {
            case .null: result[key] = nil
            case let .object(nested): result[key] = try merge(nested, into: result[key]?.objectValue ?? JSONObject(), member)
            case let .array(elements):
                let setOrder = patch[order + key]?.arrayValue
                if let before = result[key]?.arrayValue {
                    result[key] = .array(try mergeList(elements, into: before, member, order: setOrder))
                } else {
                    // A list that was not there is taken as it is, with elements of the same key too.
                    result[key] = .array(elements.compactMap(plain))
                }
            default: result[key] = change
            }
        }
        for (key, directive) in patch {
            if key.hasPrefix(deletion), let doomed = directive.arrayValue {
                let field = String(key.dropFirst(deletion.count))
                if let elements = result[field]?.arrayValue { result[field] = .array(elements.filter { !doomed.contains($0) }) }
            } else if key.hasPrefix(order), let setOrder = directive.arrayValue {
                let field = String(key.dropFirst(order.count))
                // With changes to the list, the order was applied together with them.
                if patch[field] == nil, let elements = result[field]?.arrayValue {
                    let mergeKey = schema?.member(field)?.patchMergeKey
                    result[field] = .array(sorted(elements, original: elements, order: setOrder, mergeKey: mergeKey))
                }
            }
        }
        return .object(result)
    }

    private static func withoutDirectives(_ object: JSONObject) -> JSONObject { JSONObject(object.filter { !$0.key.hasPrefix("$") }) }

    /// What a patch's value comes to where there was nothing before; nil for what only deletes.
    private static func plain(_ value: JSONValue) -> JSONValue? {
        switch value {
        case let .object(object):
            let directive = object["$patch"]?.stringValue
            if directive == "delete" || directive == "replace" && object.count == 1 { return nil }
            var result = JSONObject()
            for (key, member) in withoutDirectives(object) where !member.isNull { result[key] = plain(member) }
            return .object(result)
        case let .array(elements): return .array(elements.compactMap(plain))
        default: return value
        }
    }

    private static func mergeList<Schema: MergeSchema>(
        _ patch: [JSONValue], into original: [JSONValue], _ schema: Schema?, order: [JSONValue]?
    ) throws(PatchError) -> [JSONValue] {
        if schema?.patchMergesScalars ?? false {
            let united = original + patch.filter { !original.contains($0) }
            return order.map { sorted(united, original: original, order: $0, mergeKey: nil) } ?? united
        }
        guard let mergeKey = schema?.patchMergeKey else { return patch.map { $0.objectValue.map { .object(withoutDirectives($0)) } ?? $0 } }
        if patch.contains(where: { $0["$patch"]?.stringValue == "replace" }) {
            return patch.compactMap { element in
                guard element["$patch"]?.stringValue != "replace" || element.objectValue?.count ?? 0 > 1 else { return nil }
                return element.objectValue.map { .object(withoutDirectives($0)) }
            }
        }
        var result = original
        for element in patch {
            guard let change = element.objectValue, let key = change[mergeKey] else {
                throw .malformed("map: \(element) does not contain declared merge key: \(mergeKey)")
            }
            let place = result.firstIndex { $0[mergeKey] == key }
            let merged = try merge(change, into: place.flatMap { result[$0].objectValue } ?? JSONObject(), schema?.items)
            switch (place, merged) {
            case let (place?, merged?): result[place] = merged
            case let (place?, nil): result.remove(at: place)
            case let (nil, merged?): result.append(merged)
            case (nil, nil): break
            }
        }
        return order.map { sorted(result, original: original, order: $0, mergeKey: mergeKey) } ?? result
    }

    /// The elements that the patch orders come in its order; what only the server knows keeps its place relative to its old neighbours.
    private static func sorted(_ elements: [JSONValue], original: [JSONValue], order: [JSONValue], mergeKey: String?) -> [JSONValue] {
        func identity(_ element: JSONValue) -> JSONValue { mergeKey.map { element[$0] ?? .null } ?? element }
        let wanted = order.map(identity)
        let places = Dictionary(original.enumerated().map { (identity($0.element), $0.offset) }) { first, _ in first }
        var ordered = wanted.compactMap { key in elements.first { identity($0) == key } }[...]
        var others = elements.filter { !wanted.contains(identity($0)) }[...]
        var result: [JSONValue] = []
        while let other = others.first {
            guard let next = ordered.first else { break }
            if let otherPlace = places[identity(other)], let nextPlace = places[identity(next)], otherPlace < nextPlace {
                result.append(other)
                others.removeFirst()
            } else {
                result.append(next)
                ordered.removeFirst()
            }
        }
        return result + ordered + others
    }
}
