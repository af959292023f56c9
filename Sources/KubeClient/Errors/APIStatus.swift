import Base

/// What the API server says about a request that failed (`kind: Status`).
public struct APIStatus: Sendable, Hashable {
    public struct Cause: Sendable, Hashable {
        public var field: String
        public var message: String
        public var reason: String
    }

    /// The HTTP status.
    public var code: Int
    /// CamelCase, for programs: `NotFound`, `AlreadyExists`, `Conflict`, `Expired`…; empty where the answer came from something else than the API server.
    public var reason: String
    /// For people.
    public var message: String
    /// The fields a validation objected to.
    public var causes: [Cause]
    /// How long the server asks to wait before the next try.
    public var retryAfter: Duration?

    public init(code: Int, reason: String = "", message: String = "", causes: [Cause] = [], retryAfter: Duration? = nil) {
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = causes
        self.retryAfter = retryAfter
    }

    /// Reads a Status object, as it stands in a response or in a watch's ERROR event.
    init(_ json: JSONValue, code: Int? = nil) {
        let details = json["details"]
        self.init(
            code: code ?? json["code"]?.intValue.map { Int(clamping: $0) } ?? 0,
            reason: json["reason"]?.stringValue ?? "",
            message: json["message"]?.stringValue ?? "",
            causes: (details?["causes"]?.arrayValue ?? []).map { cause in
                Cause(
                    field: cause["field"]?.stringValue ?? "", message: cause["message"]?.stringValue ?? "", reason: cause["reason"]?.stringValue ?? "")
            },
            retryAfter: details?["retryAfterSeconds"]?.intValue.flatMap { $0 > 0 ? .seconds($0) : nil })
    }
}
