import Base

/// One observation about an object, as Kubernetes' conventions have it: a type, whether it holds, why, and since when.
public struct Condition: Sendable, Hashable, Codable {
    public enum Status: String, Sendable, Hashable, Codable {
        case `true` = "True"
        case `false` = "False"
        case unknown = "Unknown"
    }

    public var type: String
    public var status: Status
    /// CamelCase, for programs.
    public var reason: String
    /// For people: what is so, and what to do.
    public var message: String
    /// The generation of the spec that was looked at.
    public var observedGeneration: Int64?
    /// When `status` changed last.
    public var lastTransitionTime: Timestamp

    public init(type: String, status: Status, reason: String, message: String, observedGeneration: Int64? = nil, lastTransitionTime: Timestamp) {
        self.type = type
        self.status = status
        self.reason = reason
        self.message = message
        self.observedGeneration = observedGeneration
        self.lastTransitionTime = lastTransitionTime
    }

    private enum CodingKeys: String, CodingKey {
        case type, status, reason, message, observedGeneration, lastTransitionTime
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        type = try container.decode(String.self, forKey: .type)
        status = try container.decodeIfPresent(Status.self, forKey: .status) ?? .unknown
        reason = try container.decodeIfPresent(String.self, forKey: .reason) ?? ""
        message = try container.decodeIfPresent(String.self, forKey: .message) ?? ""
        observedGeneration = try container.decodeIfPresent(Int64.self, forKey: .observedGeneration)
        lastTransitionTime = try container.decodeIfPresent(Timestamp.self, forKey: .lastTransitionTime) ?? Timestamp(microseconds: 0)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(type, forKey: .type)
        try container.encode(status, forKey: .status)
        try container.encode(reason, forKey: .reason)
        try container.encode(message, forKey: .message)
        try container.encodeIfPresent(observedGeneration, forKey: .observedGeneration)
        // metav1.Time has whole seconds.
        try container.encode(lastTransitionTime.rfc3339Seconds, forKey: .lastTransitionTime)
    }
}

extension [Condition] {
    public subscript(type: String) -> Condition? { first { $0.type == type } }

    public func isTrue(_ type: String) -> Bool { self[type]?.status == .true }

    /// Adds or replaces the condition of its type; `lastTransitionTime` stays what it was unless the status changes.
    public mutating func set(_ condition: Condition) {
        guard let place = firstIndex(where: { $0.type == condition.type }) else { return append(condition) }
        var condition = condition
        if self[place].status == condition.status { condition.lastTransitionTime = self[place].lastTransitionTime }
        self[place] = condition
    }
}
