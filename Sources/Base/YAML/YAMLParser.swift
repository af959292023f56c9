import CYAML

/// Composes values from libyaml's events.
final class YAMLParser {
    /// A finished value, and how much an alias to it adds.
    private struct Node {
        var value: JSONValue
        var weight: Int
    }

    private let bytes: Bytes
    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    private var isInitialised = false
    private var anchors: [String: Node] = [:]
    private var aliasWeight = 0

    init(_ bytes: Bytes) {
        self.bytes = bytes
        isInitialised = yaml_parser_initialize(parser) == 1
    }

    deinit {
        if isInitialised { yaml_parser_delete(parser) }
        parser.deallocate()
    }

    func documents() throws(YAMLError) -> [JSONValue] {
        guard isInitialised else { throw .malformed(line: 1, column: 1, reason: "there is no memory for the parser") }
        return try bytes.withUnsafeBytes { buffer throws(YAMLError) in
            yaml_parser_set_input_string(parser, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count)
            var documents: [JSONValue] = []
            while true {
                let event = try next()
                switch event.type {
                case YAML_STREAM_END_EVENT: return documents
                case YAML_DOCUMENT_START_EVENT:
                    anchors = [:]
                    let content = try next()
                    let isEmpty = content.type == YAML_SCALAR_EVENT && content.isImplicitEmptyScalar
                    let node = try compose(content, depth: 0)
                    if !isEmpty { documents.append(node.value) }
                default: continue
                }
            }
        }
    }

    // MARK: Events

    /// What is kept of an event; libyaml's own is freed at once.
    fileprivate struct Event {
        var type: yaml_event_type_t
        var line: Int
        var column: Int
        var anchor: String?
        var tag: String?
        var text = ""
        var isPlain = false

        var isImplicitEmptyScalar: Bool { isPlain && text.isEmpty && tag == nil && anchor == nil }
    }

    private func next() throws(YAMLError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw problem() }
        defer { yaml_event_delete(&event) }
        var result = Event(type: event.type, line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            result.anchor = Self.string(scalar.anchor)
            result.tag = Self.string(scalar.tag)
            // libyaml has checked that it is UTF-8.
            result.text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            result.isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
        case YAML_SEQUENCE_START_EVENT:
            result.anchor = Self.string(event.data.sequence_start.anchor)
        case YAML_MAPPING_START_EVENT:
            result.anchor = Self.string(event.data.mapping_start.anchor)
        case YAML_ALIAS_EVENT:
            result.anchor = Self.string(event.data.alias.anchor)
        default: break
        }
        return result
    }

    private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? { text.map { String(cString: $0) } }

    private func problem() -> YAMLError {
        let parser = parser.pointee
        let reason = parser.problem.map { String(cString: $0) } ?? "it cannot be read"
        // The reader (encoding, control characters) knows an offset only.
        if parser.error == YAML_READER_ERROR {
            let before = bytes.prefix(parser.problem_offset).array
            let line = before.count { $0 == 0x0A }
            let column = before.count - (before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0)
            return .malformed(line: line + 1, column: column + 1, reason: reason)
        }
        let context = parser.context.map { " \(String(cString: $0))" } ?? ""
        return .malformed(line: Int(parser.problem_mark.line) + 1, column: Int(parser.problem_mark.column) + 1, reason: reason + context)
    }

    // MARK: Values

    private func compose(_ event: Event, depth: Int) throws(YAMLError) -> Node {
        guard depth < JSON.maximumDepth else { throw .tooDeep(line: event.line, column: event.column) }
        let node: Node
        switch event.type {
        case YAML_SCALAR_EVENT:
            node = Node(value: try scalar(event), weight: 1 + event.text.utf8.count / 16)
        case YAML_SEQUENCE_START_EVENT:
            node = try sequence(depth: depth)
        case YAML_MAPPING_START_EVENT:
            node = try mapping(depth: depth)
        case YAML_ALIAS_EVENT:
            return try resolve(event)
        default:
            throw .malformed(line: event.line, column: event.column, reason: "expected a value")
        }
        if let anchor = event.anchor { anchors[anchor] = node }
        return node
    }

    private func resolve(_ alias: Event) throws(YAMLError) -> Node {
        let name = alias.anchor ?? ""
        // An anchor counts from the end of its value, so that no value can hold itself.
        guard let node = anchors[name] else {
            throw .malformed(line: alias.line, column: alias.column, reason: "there is no anchor `\(name)` before this alias")
        }
        aliasWeight += node.weight
        guard aliasWeight <= YAML.aliasBudget else { throw .excessiveAliases(line: alias.line, column: alias.column) }
        return node
    }

    private func sequence(depth: Int) throws(YAMLError) -> Node {
        var elements: [JSONValue] = []
        var weight = 1
        while true {
            let event = try next()
            if event.type == YAML_SEQUENCE_END_EVENT { return Node(value: .array(elements), weight: weight) }
            let element = try compose(event, depth: depth + 1)
            elements.append(element.value)
            weight += element.weight
        }
    }

    private func mapping(depth: Int) throws(YAMLError) -> Node {
        var object = JSONObject()
        /// What merge keys bring; a key of the mapping itself wins over them, wherever it stands.
        var merged: [JSONObject] = []
        var weight = 1
        while true {
            let event = try next()
            if event.type == YAML_MAPPING_END_EVENT { break }
            if event.isMergeKey {
                let source = try next()
                let node = try compose(source, depth: depth + 1)
                merged += try mergeSources(node.value, at: source)
                weight += node.weight
                continue
            }
            let name = try key(event, depth: depth)
            guard object[name] == nil else { throw .duplicateKey(line: event.line, column: event.column, key: name) }
            let node = try compose(next(), depth: depth + 1)
            object[name] = node.value
            weight += node.weight
        }
        for source in merged {
            for (key, value) in source where object[key] == nil { object[key] = value }
        }
        return Node(value: .object(object), weight: weight)
    }

    private func mergeSources(_ value: JSONValue, at event: Event) throws(YAMLError) -> [JSONObject] {
        switch value {
        case let .object(object): return [object]
        case let .array(elements):
            let objects = elements.compactMap(\.objectValue)
            guard objects.count == elements.count else { fallthrough }
            return objects
        default: throw .malformed(line: event.line, column: event.column, reason: "`<<` merges a mapping or a list of mappings")
        }
    }

    private func key(_ event: Event, depth: Int) throws(YAMLError) -> String {
        switch try compose(event, depth: depth + 1).value {
        case let .string(key): return key
        case let .bool(key): return key ? "true" : "false"
        case let .integer(key): return "\(key)"
        case let .double(key): return JSON.encode(.double(key))
        case .null, .array, .object: throw .malformed(line: event.line, column: event.column, reason: "a key must be a string, a number or a boolean")
        }
    }

    private func scalar(_ event: Event) throws(YAMLError) -> JSONValue {
        let prefix = "tag:yaml.org,2002:"
        guard let tag = event.tag, tag.hasPrefix(prefix) else {
            return event.isPlain && event.tag == nil ? YAMLScalar.resolve(event.text) : .string(event.text)
        }
        let name = tag.dropFirst(prefix.count)
        let value = YAMLScalar.resolve(event.text)
        switch (name, value) {
        case ("int", .integer), ("bool", .bool), ("null", .null), ("float", .double): return value
        case ("float", let .integer(integer)): return .double(Double(integer))
        case ("int", _), ("bool", _), ("null", _), ("float", _):
            throw .malformed(line: event.line, column: event.column, reason: "`\(event.text)` is no !!\(name)")
        default: return .string(event.text)
        }
    }
}

extension YAMLParser.Event {
    fileprivate var isMergeKey: Bool {
        type == YAML_SCALAR_EVENT && text == "<<" && (tag == nil ? isPlain : tag == "tag:yaml.org,2002:merge")
    }
}
