import Base
import ObjectStore

/// Where the deletion vector of a file is (protocol, "Deletion Vector Descriptor Schema").
public struct DeletionVectorDescriptor: Sendable, Hashable {
    /// `u`: a file named by an encoded UUID, `p`: an absolute path, `i`: inline.
    public var storageType: String
    public var pathOrInlineDv: String
    public var offset: Int32?
    public var sizeInBytes: Int32
    /// The rows it marks as deleted.
    public var cardinality: Int64

    public init(storageType: String, pathOrInlineDv: String, offset: Int32?, sizeInBytes: Int32, cardinality: Int64) {
        self.storageType = storageType
        self.pathOrInlineDv = pathOrInlineDv
        self.offset = offset
        self.sizeInBytes = sizeInBytes
        self.cardinality = cardinality
    }

    /// Tells vectors apart (protocol, "Derived Fields").
    public var uniqueID: String {
        storageType + pathOrInlineDv + (offset.map { "@\($0)" } ?? "")
    }

    /// The file the vector is in, relative to the table's root unless absolute; nil for an inline one.
    ///
    /// Throws ``DeltaError/unsupportedPath(path:reason:)`` for a UUID that is not encoded as the protocol says.
    public var path: DataPath? {
        get throws(DeltaError) {
            switch storageType {
            case "i": return nil
            case "p": return DataPath(encoded: pathOrInlineDv)
            case "u":
                let text = pathOrInlineDv
                guard text.utf8.count >= Z85.encodedUUIDLength, let uuid = Z85.decode(text.utf8.suffix(Z85.encodedUUIDLength)) else {
                    throw .unsupportedPath(path: text, reason: "it is not the encoded UUID of a deletion vector file")
                }
                let prefix = text.utf8.count > Z85.encodedUUIDLength ? "\(text.dropLast(Z85.encodedUUIDLength))/" : ""
                return DataPath(encoded: "\(prefix)deletion_vector_\(Self.hyphenated(uuid)).bin")
            default: throw .unsupportedPath(path: pathOrInlineDv, reason: "deletion vectors of storage type \(storageType) are unknown")
            }
        }
    }

    private static func hyphenated(_ uuid: [UInt8]) -> String {
        var text = ""
        for (place, byte) in uuid.enumerated() {
            if place == 4 || place == 6 || place == 8 || place == 10 { text += "-" }
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return text
    }
}

/// ZeroMQ's base 85 (RFC 32), in which the protocol writes UUIDs and inline vectors.
enum Z85 {
    /// 16 bytes take 20 characters.
    static let encodedUUIDLength = 20

    private static let alphabet = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xff, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// nil where the length is no multiple of five, or a character or a group of five is none of the encoding's.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 5 == 0 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(text.count / 5 * 4)
        var group: UInt64 = 0
        for (place, character) in text.enumerated() {
            let value = values[Int(character)]
            guard value != 0xff else { return nil }
            group = group * 85 + UInt64(value)
            guard place % 5 == 4 else { continue }
            guard let word = UInt32(exactly: group) else { return nil }
            withUnsafeBytes(of: word.bigEndian) { output.append(contentsOf: $0) }
            group = 0
        }
        return output
    }

    /// The length must be a multiple of four; what is over is left out.
    static func encode(_ bytes: [UInt8]) -> String {
        var output: [UInt8] = []
        for start in stride(from: 0, to: bytes.count / 4 * 4, by: 4) {
            var word = bytes[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            var group = [UInt8](repeating: 0, count: 5)
            for place in (0..<5).reversed() {
                group[place] = alphabet[Int(word % 85)]
                word /= 85
            }
            output += group
        }
        return String(decoding: output, as: UTF8.self)
    }
}
