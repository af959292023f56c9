/// The way from the root to a value, as a list that shares its beginnings: copying one per container would cost more than the decoding.
final class CodingPath: Sendable {
    static let root = CodingPath(parent: nil, key: PlaceKey(index: 0))

    private let parent: CodingPath?
    private let key: any CodingKey

    private init(parent: CodingPath?, key: any CodingKey) {
        self.parent = parent
        self.key = key
    }

    func appending(_ key: some CodingKey) -> CodingPath { CodingPath(parent: self, key: key) }
    func appending(index: Int) -> CodingPath { appending(PlaceKey(index: index)) }

    var keys: [any CodingKey] {
        var keys: [any CodingKey] = []
        var node = self
        while let parent = node.parent {
            keys.append(node.key)
            node = parent
        }
        return keys.reversed()
    }
}

/// A key for an array's element, or for a member name that is not known at compile time.
struct PlaceKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(index: Int) {
        stringValue = "\(index)"
        intValue = index
    }

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init?(intValue: Int) { self.init(index: intValue) }
}

extension [any CodingKey] {
    /// `spec.windows[0].start`
    var pathDescription: String {
        reduce(into: "") { text, key in
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
    }
}

extension JSONError {
    /// What Swift's decoding says, in one sentence.
    init(_ error: DecodingError) {
        switch error {
        case let .typeMismatch(_, context), let .valueNotFound(_, context), let .dataCorrupted(context):
            self = .unexpectedShape(path: context.codingPath.pathDescription, reason: context.debugDescription)
        case let .keyNotFound(key, context):
            self = .unexpectedShape(path: (context.codingPath + [key]).pathDescription, reason: "is required")
        @unknown default:
            self = .unexpectedShape(path: "", reason: "\(error)")
        }
    }
}
