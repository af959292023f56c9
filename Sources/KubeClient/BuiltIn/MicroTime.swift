import Base

/// A time written with exactly six digits of a second: Go's `MicroTime` takes nothing else.
public struct MicroTime: Sendable, Hashable, Codable {
    public var time: Timestamp

    public init(_ time: Timestamp) { self.time = time }

    public init(from decoder: any Decoder) throws { time = try Timestamp(from: decoder) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(time.rfc3339Microseconds)
    }
}

/// A time in whole seconds: Go's `Time`.
public struct SecondTime: Sendable, Hashable, Codable {
    public var time: Timestamp

    public init(_ time: Timestamp) { self.time = time }

    public init(from decoder: any Decoder) throws { time = try Timestamp(from: decoder) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(time.rfc3339Seconds)
    }
}
