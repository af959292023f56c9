/// Swift's `Encoder` into a ``JSONValue``.
struct JSONValueEncoder: Encoder {
    let node: EncodingNode
    let path: CodingPath
    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func encode(_ encodable: some Encodable, path: CodingPath) throws -> JSONValue {
        if let value = encodable as? JSONValue { return value }
        let node = EncodingNode()
        try encodable.encode(to: JSONValueEncoder(node: node, path: path))
        // A type that encodes nothing at all is an empty object.
        return node.finished ?? .object([:])
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.becomeObject()
        return KeyedEncodingContainer(KeyedEncoding(node: node, path: path))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.becomeArray()
        return ElementEncoding(node: node, path: path)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }
}

/// One value under construction. A reference, because Swift's containers are handed out before they are filled.
final class EncodingNode {
    private enum Content {
        case nothing
        case value(JSONValue)
        case object(keys: [String], children: [EncodingNode])
        case array([EncodingNode])
    }

    private var content = Content.nothing

    init() {}
    init(_ value: JSONValue) { content = .value(value) }

    /// The value; nil where nothing was encoded.
    var finished: JSONValue? {
        switch content {
        case .nothing: return nil
        case let .value(value): return value
        case let .array(children): return .array(children.map { $0.finished ?? .object([:]) })
        case let .object(keys, children):
            var object = JSONObject()
            object.reserveCapacity(keys.count)
            for (key, child) in zip(keys, children) { object[key] = child.finished ?? .object([:]) }
            return .object(object)
        }
    }

    var count: Int {
        switch content {
        case let .array(children), let .object(_, children): children.count
        default: 0
        }
    }

    func become(_ value: JSONValue) { content = .value(value) }

    /// An object that is there already is kept: a class and its superclass may share one.
    func becomeObject() {
        if case .object = content { return }
        content = .object(keys: [], children: [])
    }

    func becomeArray() {
        if case .array = content { return }
        content = .array([])
    }

    func add(_ child: EncodingNode, key: String) {
        guard case .object(var keys, var children) = content else { return }
        content = .nothing
        keys.append(key)
        children.append(child)
        content = .object(keys: keys, children: children)
    }

    func add(_ child: EncodingNode) {
        guard case .array(var children) = content else { return }
        content = .nothing
        children.append(child)
        content = .array(children)
    }
}

extension JSONValueEncoder: SingleValueEncodingContainer {
    func encodeNil() { node.become(.null) }
    func encode(_ value: Bool) { node.become(.bool(value)) }
    func encode(_ value: String) { node.become(.string(value)) }
    func encode(_ value: Double) { node.become(.double(value)) }
    /// By the shortest text of the float, so that 0.1 does not become 0.10000000149011612.
    func encode(_ value: Float) { node.become(.double(Double(value.description) ?? Double(value))) }
    func encode(_ value: Int) { node.become(.integer(Int64(value))) }
    func encode(_ value: Int8) { node.become(.integer(Int64(value))) }
    func encode(_ value: Int16) { node.become(.integer(Int64(value))) }
    func encode(_ value: Int32) { node.become(.integer(Int64(value))) }
    func encode(_ value: Int64) { node.become(.integer(value)) }
    func encode(_ value: UInt) throws { try encode(UInt64(value)) }
    func encode(_ value: UInt8) { node.become(.integer(Int64(value))) }
    func encode(_ value: UInt16) { node.become(.integer(Int64(value))) }
    func encode(_ value: UInt32) { node.become(.integer(Int64(value))) }

    func encode(_ value: UInt64) throws {
        guard let value = Int64(exactly: value) else {
            throw EncodingError.invalidValue(value, .init(codingPath: path.keys, debugDescription: "\(value) does not fit a signed integer of 64 bits"))
        }
        node.become(.integer(value))
    }

    func encode(_ value: some Encodable) throws {
        if let value = value as? JSONValue { node.become(value) } else { try value.encode(to: self) }
    }
}

private struct KeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: EncodingNode
    let path: CodingPath
    var codingPath: [any CodingKey] { path.keys }

    private func child(_ key: some CodingKey) -> JSONValueEncoder {
        let child = EncodingNode()
        node.add(child, key: key.stringValue)
        return JSONValueEncoder(node: child, path: path.appending(key))
    }

    func encodeNil(forKey key: Key) { child(key).encodeNil() }
    func encode(_ value: Bool, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: String, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: Double, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: Float, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: Int, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: Int8, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: Int16, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: Int32, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: Int64, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: UInt, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: UInt8, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: UInt16, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: UInt32, forKey key: Key) { child(key).encode(value) }
    func encode(_ value: UInt64, forKey key: Key) throws { try child(key).encode(value) }
    func encode(_ value: some Encodable, forKey key: Key) throws { try child(key).encode(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
        child(key).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { child(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { child(PlaceKey(stringValue: "super")) }
    func superEncoder(forKey key: Key) -> any Encoder { child(key) }
}

private struct ElementEncoding: UnkeyedEncodingContainer {
    let node: EncodingNode
    let path: CodingPath
    var codingPath: [any CodingKey] { path.keys }
    var count: Int { node.count }

    private func child() -> JSONValueEncoder {
        let child = EncodingNode()
        let index = node.count
        node.add(child)
        return JSONValueEncoder(node: child, path: path.appending(index: index))
    }

    func encodeNil() { child().encodeNil() }
    func encode(_ value: Bool) { child().encode(value) }
    func encode(_ value: String) { child().encode(value) }
    func encode(_ value: Double) { child().encode(value) }
    func encode(_ value: Float) { child().encode(value) }
    func encode(_ value: Int) { child().encode(value) }
    func encode(_ value: Int8) { child().encode(value) }
    func encode(_ value: Int16) { child().encode(value) }
    func encode(_ value: Int32) { child().encode(value) }
    func encode(_ value: Int64) { child().encode(value) }
    func encode(_ value: UInt) throws { try child().encode(value) }
    func encode(_ value: UInt8) { child().encode(value) }
    func encode(_ value: UInt16) { child().encode(value) }
    func encode(_ value: UInt32) { child().encode(value) }
    func encode(_ value: UInt64) throws { try child().encode(value) }
    func encode(_ value: some Encodable) throws { try child().encode(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> { child().container(keyedBy: type) }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { child().unkeyedContainer() }
    func superEncoder() -> any Encoder { child() }
}
