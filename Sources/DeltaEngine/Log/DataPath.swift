import Base
import ObjectStore

/// A data file's path as the log spells it: a URI (RFC 2396), relative to the table's root or absolute, with percent-escapes.
///
/// The log's spelling is kept, because other engines compare it byte by byte when they match a `remove` with its `add`; equality here is that of
/// the file it means, so that two spellings of one file are one file.
public struct DataPath: Sendable {
    /// As in the log.
    public let encoded: String

    /// A path read from a log.
    public init(encoded: String) { self.encoded = encoded }

    /// The path of an object below the table's root, spelled as Spark and delta-rs spell it.
    public init(_ object: ObjectPath) { encoded = Self.encode(object.string) }

    /// With escapes resolved.
    public var decoded: String { Self.decode(encoded) }

    /// Whether it names a file by a whole URI or an absolute path, instead of relative to the table's root.
    public var isAbsolute: Bool {
        if encoded.utf8.first == UInt8(ascii: "/") { return true }
        for (place, byte) in encoded.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): continue
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                if place == 0 { return false }
            case UInt8(ascii: ":"): return place > 0
            default: return false
            }
        }
        return false
    }

    /// The object it names in a store whose root is the table's root.
    ///
    /// Throws ``DeltaError/unsupportedPath(path:reason:)`` for a file outside of the root (``TableFiles`` finds those) and for what no store can hold.
    public func object(in store: any ObjectStore) throws(DeltaError) -> ObjectPath {
        var relative = decoded
        if isAbsolute {
            guard let inside = Self.relativePath(ofLocation: relative, in: store) else {
                throw .unsupportedPath(
                    path: encoded, reason: "it lies outside of the table's own directory")
            }
            relative = inside
        }
        // A replacement character that the log does not have stands for bytes that no name can be made of.
        guard !relative.unicodeScalars.contains("\u{FFFD}") || encoded.unicodeScalars.contains("\u{FFFD}") else {
            throw .unsupportedPath(path: encoded, reason: "its escapes stand for bytes that are not UTF-8")
        }
        do {
            return try ObjectPath(relative)
        } catch {
            throw .unsupportedPath(path: encoded, reason: error.description)
        }
    }

    /// The part behind the table's root of a place that is named whole, its escapes resolved; nil for one outside.
    static func relativePath(ofLocation location: String, in store: any ObjectStore) -> String? {
        let described = decode(store.rootDescription)
        return withoutRoot(location, described.hasSuffix("/") ? described : described + "/")
    }

    /// `file:/a/b`, `file:///a/b` and `/a/b` are one place.
    private static func withoutRoot(_ path: String, _ root: String) -> String? {
        func plain(_ text: String) -> Substring {
            guard text.hasPrefix("file:") else { return Substring(text) }
            let rest = text.dropFirst("file:".count)
            return rest.hasPrefix("///") ? rest.dropFirst(2) : rest
        }
        let (path, root) = (plain(path), plain(root))
        return path.hasPrefix(root) ? String(path.dropFirst(root.count)) : nil
    }
}

extension DataPath: Hashable {
    public static func == (left: DataPath, right: DataPath) -> Bool {
        left.encoded.hasSameBytes(as: right.encoded) || left.decoded.hasSameBytes(as: right.decoded)
    }

    public func hash(into hasher: inout Hasher) { decoded.hashBytes(into: &hasher) }
}

extension DataPath: CustomStringConvertible {
    public var description: String { decoded }
}

extension DataPath {
    /// Percent-escapes every byte of the text that is not plainly legal in a URI's path. A `:` is escaped too, for a first component with one
    /// would read as a scheme.
    static func encode(_ text: String) -> String {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count + 16)
        for byte in text.utf8 {
            if isPlain(byte) {
                output.append(byte)
            } else {
                output.append(UInt8(ascii: "%"))
                output.append(hexDigit(byte >> 4))
                output.append(hexDigit(byte & 15))
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Resolves percent-escapes. A `%` that starts none stays as it is: early delta-rs wrote such paths.
    static func decode(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        var text = text
        return text.withUTF8 { source in
            var output = [UInt8](repeating: 0, count: source.count)
            let length = output.withUnsafeMutableBufferPointer { decode(UnsafeRawBufferPointer(source), into: $0) }
            return String(decoding: output[..<length], as: UTF8.self)
        }
    }

    /// Writes the decoded bytes to `target`, which must be as long as `source`, and returns how many they are.
    static func decode(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var read = 0
        var written = 0
        while read < source.count {
            let byte = source[read]
            if byte == UInt8(ascii: "%"), read + 2 < source.count, let high = hexValue(source[read + 1]), let low = hexValue(source[read + 2]) {
                target[written] = high << 4 | low
                read += 3
            } else {
                target[written] = byte
                read += 1
            }
            written += 1
        }
        return written
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "!"),
            UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "$"),
            UInt8(ascii: "&"), UInt8(ascii: "+"), UInt8(ascii: "@"):
            true
        default: false
        }
    }

    private static func hexDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? nibble + UInt8(ascii: "0") : nibble - 10 + UInt8(ascii: "A") }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
