/// Reading and writing JSON (RFC 8259), strictly: no comments, no trailing commas, no `NaN`, UTF-8 only.
public enum JSON {
    /// Arrays and objects may nest this deep; deeper text is an error rather than a stack overflow.
    public static let maximumDepth = 512

    /// Reads one value that takes up the whole text, apart from white space around it.
    public static func parse(_ bytes: Bytes) throws(JSONError) -> JSONValue {
        try bytes.withUnsafeBytes { buffer throws(JSONError) in
            var scanner = JSONScanner(padded: buffer)
            let value = try scanner.value()
            try scanner.expectEnd()
            return value
        }
    }

    public static func parse(_ text: String) throws(JSONError) -> JSONValue { try parse(Bytes(text)) }

    /// The value as text: compact, or indented by two spaces.
    ///
    /// JSON has no infinities and no NaN; they become the strings "Infinity", "-Infinity" and "NaN", as Spark writes them in statistics.
    public static func encode(_ value: JSONValue, pretty: Bool = false) -> String {
        var writer = JSONWriter(pretty: pretty)
        writer.write(value)
        return String(decoding: writer.output, as: UTF8.self)
    }

    /// The same as ``encode(_:pretty:)``, as UTF-8 bytes.
    public static func encodeBytes(_ value: JSONValue, pretty: Bool = false) -> Bytes {
        var writer = JSONWriter(pretty: pretty)
        writer.write(value)
        return Bytes(writer.output)
    }

    /// Reads a `Decodable` from a value. A missing or wrong member throws ``JSONError/unexpectedShape(path:reason:)`` with its path.
    public static func decode<T: Decodable>(_ type: T.Type, from value: JSONValue) throws -> T {
        do {
            return try JSONValueDecoder.decode(type, from: value, path: .root)
        } catch let error as DecodingError {
            throw JSONError(error)
        }
    }

    public static func decode<T: Decodable>(_ type: T.Type, from bytes: Bytes) throws -> T {
        try decode(type, from: parse(bytes))
    }

    public static func decode<T: Decodable>(_ type: T.Type, from text: String) throws -> T {
        try decode(type, from: parse(text))
    }

    /// An `Encodable` as a value. Members that are nil are left out where the type uses `encodeIfPresent`, as synthesised code does.
    public static func value<T: Encodable>(of encodable: T) throws -> JSONValue {
        if let value = encodable as? JSONValue { return value }
        return try JSONValueEncoder.encode(encodable, path: .root)
    }

    /// An `Encodable` as text.
    public static func text<T: Encodable>(of encodable: T, pretty: Bool = false) throws -> String {
        encode(try value(of: encodable), pretty: pretty)
    }
}
