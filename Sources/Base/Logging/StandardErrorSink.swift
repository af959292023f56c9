import Glibc

/// How records look.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people: `2026-04-11T02:00:00.123Z INFO  operator: table observed table=lake/orders version=412`
    case text
    /// For machines: one JSON object a line.
    case json
}

/// Writes records to a file descriptor, standard error by default, one `write` a record so that lines of several threads and processes stay whole.
public struct StandardErrorSink: LogSink {
    private let format: LogFormat
    private let clock: any WallClock
    private let descriptor: Int32

    public init(format: LogFormat, clock: any WallClock = SystemClock(), descriptor: Int32 = STDERR_FILENO) {
        self.format = format
        self.clock = clock
        self.descriptor = descriptor
    }

    public func write(_ record: LogRecord) {
        let line =
            switch format {
            case .text: record.text(at: clock.now())
            case .json: record.json(at: clock.now())
            }
        // A log that cannot be written has nobody left to tell.
        Bytes(line + "\n").withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0 {
                    if errno == EINTR { continue }
                    return
                }
                rest = rest.dropFirst(written)
            }
        }
    }
}

extension LogRecord {
    /// The record as a line for people, fields in order of their names.
    func text(at time: Timestamp) -> String {
        let level = level.rawValue.uppercased()
        var line = "\(time.rfc3339Milliseconds) \(level)\(String(repeating: " ", count: max(0, 7 - level.count))) "
        if !label.isEmpty { line += "\(label): " }
        line += message.onOneLine
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value.description.quotedIfNeeded)" }
        return line
    }

    /// The record as a JSON object. Fields that would hide the record's own members get an underscore.
    func json(at time: Timestamp) -> String {
        var object: JSONObject = ["time": .string(time.rfc3339Microseconds), "level": .string(level.rawValue)]
        if !label.isEmpty { object["logger"] = .string(label) }
        object["message"] = .string(message)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            object[object[key] == nil ? key : key + "_"] = JSONValue(logField: value)
        }
        return JSON.encode(.object(object))
    }
}

extension JSONValue {
    fileprivate init(logField: LogField) {
        switch logField {
        case let value as JSONValue: self = value
        case let value as Bool: self = .bool(value)
        case let value as any BinaryInteger: self = Int64(exactly: value).map(JSONValue.integer) ?? .string("\(value)")
        case let value as Double: self = .double(value)
        case let value as Float: self = .double(Double(value))
        default: self = .string(logField.description)
        }
    }
}

extension String {
    /// Text from outside must not be able to fake a second record.
    fileprivate var onOneLine: String {
        utf8.contains { $0 < 0x20 } ? String(JSON.encode(.string(self)).dropFirst().dropLast()) : self
    }

    fileprivate var quotedIfNeeded: String {
        let plain = !isEmpty && utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") && $0 != 0x7F }
        return plain ? self : JSON.encode(.string(self))
    }
}
