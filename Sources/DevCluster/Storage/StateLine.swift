import Base

/// A line of the log or the snapshot: its checksum in eight hexadecimal digits, a space, JSON.
enum StateLine {
    static func encode(_ value: JSONValue) -> [UInt8] {
        let payload = Array(JSON.encode(value).utf8)
        let sum = String(Checksum.crc32(payload), radix: 16)
        var line = Array(repeating: UInt8(ascii: "0"), count: 8 - sum.utf8.count)
        line.append(contentsOf: sum.utf8)
        line.append(UInt8(ascii: " "))
        line.append(contentsOf: payload)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    /// Nil where the line is torn or damaged. Without its line feed.
    static func decode(_ line: some Collection<UInt8>) -> JSONValue? {
        let bytes = Array(line)
        guard bytes.count > 9, bytes[8] == UInt8(ascii: " "), let sum = UInt32(String(decoding: bytes[0..<8], as: UTF8.self), radix: 16) else { return nil }
        let payload = bytes[9...]
        guard Checksum.crc32(payload) == sum else { return nil }
        return try? JSON.parse(Bytes(Array(payload)))
    }
}
