import Base

/// One step of a path into an object, as `managedFields` writes it.
enum PathElement: Sendable, Hashable {
    /// `f:name`
    case field(String)
    /// `k:{"name":"x"}`: the element of a keyed list.
    case key(JSONObject)
    /// `v:"x"`: the element of a set.
    case value(JSONValue)
    /// `i:0`
    case index(Int)

    var encoded: String {
        switch self {
        case let .field(name): "f:\(name)"
        case let .key(keys): "k:" + JSON.encode(.object(JSONObject(keys.sorted { $0.key < $1.key })))
        case let .value(value): "v:" + JSON.encode(value)
        case let .index(index): "i:\(index)"
        }
    }

    init?(encoded: String) {
        let content = String(encoded.dropFirst(2))
        switch encoded.prefix(2) {
        case "f:": self = .field(content)
        case "k:":
            guard let keys = (try? JSON.parse(content))?.objectValue else { return nil }
            self = .key(keys)
        case "v:":
            guard let value = try? JSON.parse(content) else { return nil }
            self = .value(value)
        case "i:":
            guard let index = Int(content) else { return nil }
            self = .index(index)
        default: return nil
        }
    }

    /// As conflicts name it: `.spec`, `[name="x"]`.
    var shown: String {
        switch self {
        case let .field(name): ".\(name)"
        case let .key(keys):
            "[" + keys.sorted { $0.key < $1.key }.map { "\($0.key)=\(JSON.encode($0.value))" }.joined(separator: ",") + "]"
        case let .value(value): "[=\(JSON.encode(value))]"
        case let .index(index): "[\(index)]"
        }
    }
}

/// A set of paths into objects: what a field manager owns, what a change touched. A tree, as `FieldsV1` is.
struct FieldSet: Sendable, Hashable {
    /// Elements that are in the set themselves.
    var members: Set<PathElement> = []
    /// What is in the set below an element. Never holds an empty set.
    var children: [PathElement: FieldSet] = [:]

    var isEmpty: Bool { members.isEmpty && children.isEmpty }

    mutating func insert(_ path: [PathElement]) { insert(path[...]) }

    private mutating func insert(_ path: ArraySlice<PathElement>) {
        guard let first = path.first else { return }
        if path.count == 1 {
            members.insert(first)
        } else {
            children[first, default: FieldSet()].insert(path.dropFirst())
        }
    }

    subscript(child: PathElement) -> FieldSet { children[child] ?? FieldSet() }

    func union(_ other: FieldSet) -> FieldSet {
        var result = self
        result.members.formUnion(other.members)
        for (element, child) in other.children { result.children[element] = result[element].union(child) }
        return result
    }

    func intersection(_ other: FieldSet) -> FieldSet {
        var result = FieldSet()
        result.members = members.intersection(other.members)
        for (element, child) in children {
            guard let match = other.children[element] else { continue }
            let common = child.intersection(match)
            if !common.isEmpty { result.children[element] = common }
        }
        return result
    }

    func subtracting(_ other: FieldSet) -> FieldSet {
        var result = FieldSet()
        result.members = members.subtracting(other.members)
        for (element, child) in children {
            let rest = other.children[element].map(child.subtracting) ?? child
            if !rest.isEmpty { result.children[element] = rest }
        }
        return result
    }

    /// Without the paths of `other` and everything below them.
    func subtractingTrees(_ other: FieldSet) -> FieldSet {
        var result = FieldSet()
        result.members = members.subtracting(other.members)
        for (element, child) in children where !other.members.contains(element) {
            let rest = other.children[element].map(child.subtractingTrees) ?? child
            if !rest.isEmpty { result.children[element] = rest }
        }
        return result
    }

    /// Every path in the set, in the order of `FieldsV1`.
    var paths: [[PathElement]] {
        let elements = members.union(children.keys).sorted { $0.encoded < $1.encoded }
        return elements.flatMap { element in
            (members.contains(element) ? [[element]] : []) + self[element].paths.map { [element] + $0 }
        }
    }

    // MARK: FieldsV1

    var encoded: JSONValue {
        var result = JSONObject()
        let elements = members.union(children.keys).map { ($0.encoded, $0) }.sorted { $0.0 < $1.0 }
        for (text, element) in elements {
            guard let child = children[element], var content = child.encoded.objectValue else {
                result[text] = [:]
                continue
            }
            if members.contains(element) { content = JSONObject([(key: ".", value: [:])] + Array(content)) }
            result[text] = .object(content)
        }
        return .object(result)
    }

    init() {}

    /// Unknown elements are an error of whoever wrote them: nil.
    init?(encoded: JSONValue) {
        guard let object = encoded.objectValue else { return nil }
        for (key, content) in object where key != "." {
            guard let element = PathElement(encoded: key), let nested = content.objectValue else { return nil }
            guard let child = FieldSet(encoded: content) else { return nil }
            if nested.isEmpty || nested["."] != nil { members.insert(element) }
            if !child.isEmpty { children[element] = child }
        }
    }
}
