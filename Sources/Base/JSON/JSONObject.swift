/// A JSON object that keeps the order its members came in, so that what a person wrote is written back as it was.
///
/// Equality and hashing ignore the order. Of doubled keys the last value counts, at the place of the first. Keys are the same when their bytes are:
/// Swift's own comparison would take composed and decomposed characters, two columns of a table perhaps, for one.
public struct JSONObject: Sendable {
    public typealias Element = (key: String, value: JSONValue)

    /// Objects up to this size are searched from front to back: faster than hashing, and most objects are small.
    private static let linearSearchLimit = 12

    private var members: [Element] = []
    /// Key to place in `members`; only kept for large objects.
    private var places: [ExactKey: Int]?

    public init() {}

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }
    /// In order.
    public var keys: [String] { members.map(\.key) }
    /// In order.
    public var values: [JSONValue] { members.map(\.value) }

    public subscript(key: String) -> JSONValue? {
        get { place(of: key).map { members[$0].value } }
        set {
            guard let newValue else {
                removeValue(forKey: key)
                return
            }
            if let place = place(of: key) {
                members[place].value = newValue
            } else {
                append(key, newValue)
            }
        }
        _modify {
            // Takes the value out while it is changed, so that nested changes do not copy the subtree.
            let place = place(of: key)
            var value: JSONValue?
            if let place {
                value = members[place].value
                members[place].value = .null
            }
            defer {
                switch (place, value) {
                case let (place?, value?): members[place].value = value
                case (_?, nil): removeValue(forKey: key)
                case let (nil, value?): append(key, value)
                case (nil, nil): break
                }
            }
            yield &value
        }
    }

    @discardableResult
    public mutating func removeValue(forKey key: String) -> JSONValue? {
        guard let place = place(of: key) else { return nil }
        let removed = members.remove(at: place).value
        if places != nil { indexMembers() }
        return removed
    }

    mutating func reserveCapacity(_ count: Int) { members.reserveCapacity(count) }

    private func place(of key: String) -> Int? {
        if let places { return places[ExactKey(text: key)] }
        return members.firstIndex { $0.key.hasSameBytes(as: key) }
    }

    private mutating func append(_ key: String, _ value: JSONValue) {
        members.append((key, value))
        if places != nil {
            places?[ExactKey(text: key)] = members.count - 1
        } else if members.count > Self.linearSearchLimit {
            indexMembers()
        }
    }

    private mutating func indexMembers() {
        guard members.count > Self.linearSearchLimit else {
            places = nil
            return
        }
        var index = [ExactKey: Int](minimumCapacity: members.count)
        for (place, member) in members.enumerated() { index[ExactKey(text: member.key)] = place }
        places = index
    }
}

extension JSONObject {
    /// A key that is compared by its bytes.
    private struct ExactKey: Hashable {
        let text: String

        static func == (left: ExactKey, right: ExactKey) -> Bool { left.text.hasSameBytes(as: right.text) }
        /// Texts of the same bytes are equal for Swift, too, and hash alike.
        func hash(into hasher: inout Hasher) { hasher.combine(text) }
    }
}

extension JSONObject: Sequence {
    public func makeIterator() -> IndexingIterator<[Element]> { members.makeIterator() }
}

extension JSONObject: Hashable {
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
    }

    public func hash(into hasher: inout Hasher) {
        var combined = 0
        for member in members {
            var own = Hasher()
            own.combine(member.key)
            own.combine(member.value)
            combined ^= own.finalize()
        }
        hasher.combine(combined)
        hasher.combine(count)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        for (key, value) in elements { self[key] = value }
    }

    /// Members in the order of the sequence.
    public init(_ members: some Sequence<(key: String, value: JSONValue)>) {
        for (key, value) in members { self[key] = value }
    }
}
