import Base

/// Changing objects along a schema's lists and maps: merging an applied configuration in, taking fields that nobody owns any more out.
enum FieldMerge {
    /// `live` with everything that `configuration` states.
    static func merge(_ configuration: JSONValue, into live: JSONValue?, _ schema: Schema) throws(FieldError) -> JSONValue {
        guard let live else { return configuration }
        switch (try FieldWalk.shape(of: live, schema), try FieldWalk.shape(of: configuration, schema)) {
        case let (.members(old), .members(new)):
            var result = old
            for (name, value) in new {
                result[name] = try merge(value, into: old[name], FieldWalk.member(.field(name), of: schema))
            }
            return .object(result)
        case let (.elements(old), .elements(new)):
            return .array(try mergeElements(new, into: old, schema.items ?? .anything))
        default:
            return configuration
        }
    }

    /// The configuration's order, with what only the live list has kept beside its old neighbours.
    private static func mergeElements(
        _ new: [(element: PathElement, value: JSONValue)], into old: [(element: PathElement, value: JSONValue)], _ schema: Schema
    ) throws(FieldError) -> [JSONValue] {
        let wanted = Set(new.map(\.element))
        let live = Dictionary(old.map { ($0.element, $0.value) }) { first, _ in first }
        var placed: Set<PathElement> = []
        var result: [JSONValue] = []
        var oldPlace = 0
        var newPlace = 0
        while oldPlace < old.count || newPlace < new.count {
            if oldPlace < old.count {
                let entry = old[oldPlace]
                if !wanted.contains(entry.element) {
                    result.append(entry.value)
                    oldPlace += 1
                    continue
                }
                if placed.contains(entry.element) {
                    oldPlace += 1
                    continue
                }
            }
            guard newPlace < new.count else { break }
            let entry = new[newPlace]
            newPlace += 1
            placed.insert(entry.element)
            result.append(try merge(entry.value, into: live[entry.element], schema))
        }
        return result
    }

    /// `value` without the fields in `doomed`; what `kept` holds below a doomed field survives, and the field with it.
    static func remove(_ doomed: FieldSet, keeping kept: FieldSet, from value: JSONValue, _ schema: Schema) throws(FieldError) -> JSONValue {
        switch try FieldWalk.shape(of: value, schema) {
        case .scalar, .atomic:
            return value
        case let .members(object):
            var result = object
            for name in object.keys {
                let element = PathElement.field(name)
                guard let content = object[name] else { continue }
                result[name] = try survivor(element, content, doomed, kept, schema)
            }
            return .object(result)
        case let .elements(elements):
            var result: [JSONValue] = []
            for (element, content) in elements {
                if let survivor = try survivor(element, content, doomed, kept, schema) { result.append(survivor) }
            }
            return .array(result)
        }
    }

    private static func survivor(
        _ element: PathElement, _ content: JSONValue, _ doomed: FieldSet, _ kept: FieldSet, _ schema: Schema
    ) throws(FieldError) -> JSONValue? {
        let isKept = kept.members.contains(element) || kept.children[element] != nil
        if doomed.members.contains(element), !isKept { return nil }
        guard let below = doomed.children[element] else { return content }
        let rest = try remove(below, keeping: kept[element], from: content, FieldWalk.member(element, of: schema))
        // A structure that existed only for the removed fields goes with them, as nobody stated it for itself.
        if !isKept, case let .object(object) = rest, object.isEmpty, content.objectValue?.isEmpty == false { return nil }
        if !isKept, case let .array(elements) = rest, elements.isEmpty, content.arrayValue?.isEmpty == false { return nil }
        return rest
    }
}
