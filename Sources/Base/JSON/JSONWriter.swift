/// Builds JSON text. Public for those who write large texts member by member (the log's actions) without building values first.
public struct JSONWriter {
    /// The UTF-8 text so far.
    public private(set) var output: [UInt8] = []
    private let pretty: Bool
    private var depth = 0

    public init(pretty: Bool = false) { self.pretty = pretty }

    /// Appends a whole value.
    public mutating func write(_ value: JSONValue) {
        switch value {
        case .null: raw("null")
        case let .bool(value): raw(value ? "true" : "false")
        case let .integer(value): write(integer: value)
        case let .double(value): write(double: value)
        case let .string(value): write(string: value)
        case let .array(elements): write(elements, UInt8(ascii: "["), UInt8(ascii: "]")) { writer, element in writer.write(element) }
        case let .object(object):
            write(object, UInt8(ascii: "{"), UInt8(ascii: "}")) { writer, member in
                writer.write(string: member.key)
                writer.raw(writer.pretty ? ": " : ":")
                writer.write(member.value)
            }
        }
    }

    private mutating func write<S: Sequence>(_ items: S, _ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter, S.Element) -> Void) {
        output.append(open)
        depth += 1
        var isEmpty = true
        for item in items {
            if !isEmpty { output.append(UInt8(ascii: ",")) }
            isEmpty = false
            newLine()
            body(&self, item)
        }
        depth -= 1
        if !isEmpty { newLine() }
        output.append(close)
    }

    private mutating func newLine() {
        guard pretty else { return }
        output.append(0x0A)
        output.append(contentsOf: repeatElement(0x20, count: depth * 2))
    }

    public mutating func write(integer value: Int64) {
        var magnitude = value.magnitude
        if value < 0 { output.append(UInt8(ascii: "-")) }
        let start = output.count
        repeat {
            output.append(UInt8(truncatingIfNeeded: magnitude % 10) + UInt8(ascii: "0"))
            magnitude /= 10
        } while magnitude > 0
        output[start...].reverse()
    }

    /// The shortest text that reads back as the same double; what JSON cannot say becomes a string, see ``JSON/encode(_:pretty:)``.
    public mutating func write(double value: Double) {
        if value.isNaN {
            raw("\"NaN\"")
        } else if value.isInfinite {
            raw(value < 0 ? "\"-Infinity\"" : "\"Infinity\"")
        } else {
            raw(value.description)
        }
    }

    /// Appends the string in quotes, escaped.
    public mutating func write(string value: String) {
        var value = value
        value.withUTF8 { write(string: UnsafeRawBufferPointer($0)) }
    }

    /// Appends UTF-8 bytes as a string in quotes, escaped. The caller vouches for their being UTF-8.
    public mutating func write(string bytes: UnsafeRawBufferPointer) {
        output.append(UInt8(ascii: "\""))
        var copied = 0
        for (index, byte) in bytes.enumerated() where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
            output.append(contentsOf: bytes[copied..<index])
            copied = index + 1
            output.append(UInt8(ascii: "\\"))
            switch byte {
            case 0x08: output.append(UInt8(ascii: "b"))
            case 0x09: output.append(UInt8(ascii: "t"))
            case 0x0A: output.append(UInt8(ascii: "n"))
            case 0x0C: output.append(UInt8(ascii: "f"))
            case 0x0D: output.append(UInt8(ascii: "r"))
            case 0x00..<0x20:
                raw("u00")
                output.append(UInt8(ascii: "0") + byte >> 4)
                output.append(byte & 15 < 10 ? UInt8(ascii: "0") + byte & 15 : UInt8(ascii: "a") + byte & 15 - 10)
            default: output.append(byte)
            }
        }
        output.append(contentsOf: bytes[copied...])
        output.append(UInt8(ascii: "\""))
    }

    /// Appends text that is JSON already.
    public mutating func raw(_ text: String) { output.append(contentsOf: text.utf8) }

    /// Appends bytes that are JSON already.
    public mutating func raw(_ bytes: UnsafeRawBufferPointer) { output.append(contentsOf: bytes) }
}
